// Refused by: biome lint/style/noRestrictedImports
import pgPromise from 'pg-promise';

export const main = pgPromise;
