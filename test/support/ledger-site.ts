// A tracker with prices of its own before an archive in Postgres.
import { Registry } from 'prom-client';
import { createArchive } from '../../src/archive/archive.ts';
import type { Database } from '../../src/db/database.ts';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { writePriceFile } from './llm-prices.ts';
import { createSpoolDir, UNHURRIED } from './test-archive.ts';

export interface LedgerSite {
  readonly tracker: ObservabilityTracker;
  /** What was recorded so far is in Postgres when it resolves. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function openLedgerSite(database: Database): LedgerSite {
  const prices = writePriceFile();
  const spool = createSpoolDir();
  const tracker = new ObservabilityTracker({ service: 'chat', registry: new Registry(), llmPrices: prices.path });
  const archive = createArchive({
    ...UNHURRIED,
    database,
    spoolDir: spool.path,
    service: 'chat',
    instance: 'chat:1',
    now: () => tracker.now(),
    collect: () => tracker.flush(),
  });
  tracker.connect(archive.sink);
  return {
    tracker,
    flush: () => archive.flush(),
    async close() {
      await archive.stop({ timeoutMs: 5000 });
      spool.remove();
      prices.remove();
    },
  };
}
