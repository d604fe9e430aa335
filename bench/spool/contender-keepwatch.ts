// Keepwatch as it comes: ring, pump, encoder, blocks, segments on the disk.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSource } from '../../src/archive/source.ts';
import { Spool } from '../../src/archive/spool.ts';
import { silentLogger } from '../../src/logger.ts';
import { SERVICE } from '../archive/reference-events.ts';
import { serveStore } from './contender.ts';
import { createKeepwatchStore, type SinkOfSlice } from './keepwatch-store.ts';

serveStore(createKeepwatchStore(createSpool));

function createSpool(): SinkOfSlice {
  const source = createSource({ service: SERVICE, instance: 'bench', startedAtMs: Date.now() });
  const folder = mkdtempSync('spool-');
  const spool = new Spool({ folder, source, maxBytes: 4e9, durability: 'process', logger: silentLogger });
  return {
    sink: spool,
    async finish() {
      await spool.seal();
      return readdirSync(folder).reduce((bytes, file) => bytes + statSync(join(folder, file)).size, 0);
    },
    reset(events) {
      if (spool.events !== events) throw new Error(`${spool.events} of ${events} events are in the spool: ${spool.failure}`);
      spool.close();
      rmSync(folder, { recursive: true });
    },
  };
}
