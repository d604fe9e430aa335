// Keepwatch as it comes: ring, pump, encoder, blocks, segments on the disk.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Spool } from '../../src/archive/spool/spool.ts';
import { silentLogger } from '../../src/logger.ts';
import { SERVICE } from '../archive/reference-events.ts';
import { serveStore } from './contender.ts';
import { createKeepwatchStore, type SinkOfSlice } from './keepwatch-store.ts';

serveStore(createKeepwatchStore(createSpool));

function createSpool(): SinkOfSlice {
  const spoolDir = mkdtempSync('spool-');
  const spool = new Spool({
    spoolDir,
    service: SERVICE,
    instance: 'bench',
    now: Date.now,
    maxBytes: 4e9,
    durability: 'process',
    logger: silentLogger,
  });
  return {
    sink: spool,
    async finish() {
      await spool.seal();
      const { folder } = spool.current;
      return readdirSync(folder).reduce((bytes, file) => bytes + statSync(join(folder, file)).size, 0);
    },
    reset(events) {
      if (spool.events !== events) throw new Error(`${spool.events} of ${events} events are in the spool: ${spool.failure}`);
      spool.close();
      rmSync(spoolDir, { recursive: true });
    },
  };
}
