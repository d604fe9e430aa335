// Keepwatch as it comes: metrics, trace context, and every request as a raw event in the spool on the disk. What brings the spool to
// Postgres is measured by the archive section.
import { mkdtempSync } from 'node:fs';
import { Spool } from '../../src/archive/spool/spool.ts';
import { silentLogger } from '../../src/logger.ts';
import { serveContender } from './contender.ts';
import { createKeepwatchInstrumentation } from './keepwatch-instrumentation.ts';

const spool = new Spool({
  spoolDir: mkdtempSync('spool-'),
  service: 'bench',
  instance: 'bench',
  now: Date.now,
  maxBytes: 4e9,
  durability: 'process',
  logger: silentLogger,
});

serveContender(
  createKeepwatchInstrumentation({
    accept: (batch) => spool.accept(batch),
    async settle() {
      await spool.seal();
    },
    events: () => spool.events,
  }),
);
