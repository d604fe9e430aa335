// Refused by: biome lint/suspicious/noImportCycles
import { b } from './cycle-b.ts';

export const a = (): unknown => b;
