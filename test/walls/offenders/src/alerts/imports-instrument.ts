// Refused by: biome lint/style/noRestrictedImports
import type { Ring } from '../instrument/ring.ts';

export type Source = Ring;
