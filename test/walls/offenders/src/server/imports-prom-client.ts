// Refused by: biome lint/style/noRestrictedImports
import { Registry } from 'prom-client';

export const Metrics = Registry;
