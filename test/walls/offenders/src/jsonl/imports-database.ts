// Refused by: biome lint/style/noRestrictedImports
import { createDatabase } from '../db/database.ts';

export const open = createDatabase;
