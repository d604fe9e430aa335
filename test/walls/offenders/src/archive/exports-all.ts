// Refused by: biome lint/performance/noReExportAll
export * from './prints.ts';
