// A process that migrates, records and archives, as the code of now or of an older release does. It says on stdout how far it is, a line of
// JSON each 100 ms. SIGTERM: stop, with a last line.
// Arguments: URL of the database, folder of the spool, URL of the module to use; `migration` for one more that only newer code knows.
import { ArrayTracker } from '../../support/array-batch.ts';
import type { WriterReport } from '../writer-report.ts';

type ArchiveModule = Pick<typeof import('../../../src/archive/archive.ts'), 'createArchive'>;
type DatabaseModule = Pick<typeof import('../../../src/db/database.ts'), 'closeDatabase' | 'createDatabase'>;
type MigrateModule = Pick<typeof import('../../../src/db/migrate.ts'), 'loadMigrations' | 'migrate'>;

const [url = '', spoolDir = '', moduleUrl = '', more = ''] = process.argv.slice(2);
const code = (await import(moduleUrl)) as ArchiveModule & DatabaseModule & MigrateModule;
const RECORD_MS = 5;
const EVENTS = 25;

const problems: string[] = [];
const note = (fields: object, message: string) => problems.push(`${message} ${JSON.stringify(fields)}`);
const logger = { debug() {}, info() {}, warn: note, error: note };
const database = code.createDatabase({ url, max: 3, connectTimeoutMs: 1000 });
const tracker = new ArrayTracker();
/** Older releases know no thread of the drain. */
const drain = moduleUrl.includes('/fixtures/') ? { database } : { connection: { url } };
const archive = code.createArchive({
  ...drain,
  spoolDir,
  spoolMaxBytes: 1e9,
  durability: 'process',
  service: 'shop',
  instance: `shop:${process.pid}`,
  cron: '* * * * * *',
  now: () => Date.now(),
  collect: tracker.collect,
  logger,
});
tracker.sink = archive.sink;

/** An additive change of tables in use, as the next release may bring it. */
function nextMigration() {
  const version = code.loadMigrations().length + 1;
  const name = `${String(version).padStart(6, '0')}_add_column`;
  const text =
    'alter table keepwatch.ledger add column next integer; alter table keepwatch.observability_metrics add column next integer;';
  return { version, name, text, sha256: name, isBreaking: false };
}

let applied: readonly string[] = [];
const say = () => {
  const { archived, failures } = archive.stats();
  const report: WriterReport = { recorded: tracker.recorded, archived, failures, applied, problems };
  process.stdout.write(`${JSON.stringify(report)}\n`);
};
const recording = setInterval(() => {
  tracker.record(
    ...Array.from({ length: EVENTS }, (_, index) => ({ lane: index % 10 === 0 ? ('keep' as const) : ('rest' as const) })),
  );
  tracker.collect();
}, RECORD_MS);
const saying = setInterval(say, 100);
async function end(): Promise<void> {
  clearInterval(recording);
  await archive.flush();
  await archive.stop({ timeoutMs: 30_000 });
  clearInterval(saying);
  say();
  await code.closeDatabase(database);
}
process.once('SIGTERM', () => void end());

try {
  const migrations = more === 'migration' ? [...code.loadMigrations(), nextMigration()] : code.loadMigrations();
  ({ applied } = await code.migrate(database, migrations));
} catch (error) {
  problems.push(String(error));
}
archive.start();
