// Refused by: biome lint/style/noRestrictedImports
import { evaluate } from '../alerts/evaluate.ts';

export const run = evaluate;
