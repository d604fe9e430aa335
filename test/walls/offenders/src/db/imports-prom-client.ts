// Refused by: biome lint/style/noRestrictedImports
import { Counter } from 'prom-client';

export const Total = Counter;
