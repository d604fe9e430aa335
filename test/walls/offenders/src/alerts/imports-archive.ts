// Refused by: biome lint/style/noRestrictedImports
import { drain } from '../archive/drain.ts';

export const run = drain;
