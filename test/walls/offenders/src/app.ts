// Refused by: biome lint/style/noRestrictedImports
import { main } from './cli/main.ts';

export const run = main;
