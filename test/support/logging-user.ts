// A process that logs through pino into the archive until it is killed. Each line of its output says how many lines are on the disk or beyond.
// Arguments: URL of the database, folder of the spool.
import { pino } from 'pino';
import { createKeepwatch } from '../../src/app.ts';

const [databaseUrl = '', spoolDir = ''] = process.argv.slice(2);
const keepwatch = await createKeepwatch({ databaseUrl, spoolDir, service: 'child', logLevel: 'silent' });
await keepwatch.start();
const logger = pino({ name: 'child' }, keepwatch.logStream());
let written = 0;
setInterval(() => {
  for (let index = 0; index < 50; index++) logger.info({ number: ++written }, 'line');
}, 5);
for (;;) {
  const flushed = written;
  await keepwatch.flush();
  process.stdout.write(`flushed ${flushed}\n`);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
