// Keepwatch as it comes: metrics, trace context, and every request as a raw event in the spool on the disk. What brings the spool to
// Postgres is measured by the archive section.
import { mkdtempSync } from 'node:fs';
import { createSource } from '../../src/archive/source.ts';
import { Spool } from '../../src/archive/spool.ts';
import { silentLogger } from '../../src/logger.ts';
import { serveContender } from './contender.ts';
import { createKeepwatchInstrumentation } from './keepwatch-instrumentation.ts';

const source = createSource({ service: 'bench', instance: 'bench', startedAtMs: Date.now() });
const folder = mkdtempSync('spool-');
const spool = new Spool({ folder, source, maxBytes: 4e9, durability: 'process', logger: silentLogger });

serveContender(
  createKeepwatchInstrumentation({
    accept: (batch) => spool.accept(batch),
    async settle() {
      await spool.seal();
    },
    events: () => spool.events,
  }),
);
