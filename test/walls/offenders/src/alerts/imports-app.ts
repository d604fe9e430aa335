// Refused by: biome lint/style/noRestrictedImports
import { createKeepwatch } from '../app.ts';

export const make = createKeepwatch;
