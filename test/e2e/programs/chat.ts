// The demo's chat API in a process of its own, its tables on another server (argv: its URL) than the archive (DATABASE_URL).
import { startDemo } from '../../../demo/run.ts';
import { createScreen } from '../../../demo/screen.ts';
import { createKeepwatch } from '../../../src/index.ts';

const [demoDatabaseUrl = '', port = '0'] = process.argv.slice(2);
const keepwatch = await createKeepwatch();
await keepwatch.start();
const demo = await startDemo({
  keepwatch,
  databaseUrl: keepwatch.config.databaseUrl ?? '',
  demoDatabaseUrl,
  host: '127.0.0.1',
  port: Number(port),
  screen: createScreen({ out: process.stdout }),
  rate: 0,
  failureRate: 0,
  latency: { medianMs: 20, p99Ms: 25 },
});
process.stdout.write(`listening on ${demo.port}\n`);
process.once('SIGTERM', () => {
  void demo
    .stop()
    .then(() => keepwatch.stop())
    .then(() => process.stdout.write(`${JSON.stringify(keepwatch.status())}\n`));
});
