// A process that records and archives until it is killed, or ends by itself. Its last line says how many events were recorded, and how
// many of them a finished flush has covered.
// Arguments: URL of the database, folder of the spool, `endless` or `exit`.
import { closeDatabase, createDatabase } from '../../src/db/database.ts';
import { createTestArchive } from './test-archive.ts';

const [url = '', spoolDir = '', mode = 'endless'] = process.argv.slice(2);
const database = createDatabase({ url, max: 2, connectTimeoutMs: 1000 });
const { archive, tracker } = createTestArchive(database, spoolDir, { cron: '* * * * * *' });
let flushed = 0;

function recordSome(): void {
  tracker.record(...Array.from({ length: 50 }, () => ({ metadata: '"padding":"................................"' })));
  tracker.collect();
}

function say(): void {
  process.stdout.write(`${JSON.stringify({ recorded: tracker.recorded, flushed, sourceId: String(archive.sourceId) })}\n`);
}

if (mode === 'exit') {
  recordSome();
  await archive.flush();
  flushed = tracker.recorded;
  recordSome();
  tracker.record({}, {}, {});
  process.on('exit', () => {
    archive.appendSync();
    say();
  });
  await closeDatabase(database);
  process.exit(0);
}

archive.start();
setInterval(recordSome, 2);
for (;;) {
  const recorded = tracker.recorded;
  await archive.flush();
  flushed = recorded;
  say();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
}
