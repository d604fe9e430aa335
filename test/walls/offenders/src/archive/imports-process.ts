// Refused by: biome lint/style/noRestrictedImports
import { argv } from 'node:process';

export const given = argv;
