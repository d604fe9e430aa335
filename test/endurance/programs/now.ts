// The archive of now, with what writer.ts calls of it; older releases are bundles with the same exports.
export { createArchive } from '../../../src/archive/archive.ts';
export { closeDatabase, createDatabase } from '../../../src/db/database.ts';
export { loadMigrations, migrate } from '../../../src/db/migrate.ts';
