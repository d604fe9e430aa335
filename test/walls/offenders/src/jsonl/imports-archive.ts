// Refused by: biome lint/style/noRestrictedImports
import { createArchive } from '../archive/archive.ts';

export const create = createArchive;
