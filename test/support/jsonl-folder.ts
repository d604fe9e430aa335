// A JSONL store on a folder of its own, with a small tracker before it; and what stands in such a folder.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventRow } from '../../src/event-row.ts';
import type { EventStore } from '../../src/event-store.ts';
import { createJsonlStore, type JsonlStoreOptions } from '../../src/jsonl/jsonl-store.ts';
import { silentLogger } from '../../src/logger.ts';
import { ArrayTracker } from './array-batch.ts';

/** Not started. */
export function createTestStore(
  folder: string,
  options: Partial<JsonlStoreOptions> = {},
): { readonly store: EventStore; readonly tracker: ArrayTracker } {
  const tracker = new ArrayTracker();
  const store = createJsonlStore({
    folder,
    keepMs: Infinity,
    durability: 'process',
    now: () => Date.now(),
    collect: tracker.collect,
    logger: silentLogger,
    ...options,
  });
  tracker.sink = store.sink;
  return { store, tracker };
}

/** A new folder, and what removes it. */
export function createJsonlFolder(): { readonly path: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'keepwatch-jsonl-'));
  return {
    path: join(root, 'metrics'),
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 }),
  };
}

export interface FolderContent {
  readonly events: readonly EventRow[];
  /** Lines that are no JSON. */
  readonly broken: readonly string[];
}

/** Reads the folder as `jq` would: every line that is there, in the order of the files. */
export function readFolder(path: string): FolderContent {
  const events: EventRow[] = [];
  const broken: string[] = [];
  for (const name of existsSync(path) ? readdirSync(path).sort() : []) {
    for (const line of readFileSync(join(path, name), 'utf8').split('\n')) {
      if (line === '') continue;
      try {
        events.push(JSON.parse(line) as EventRow);
      } catch {
        broken.push(line);
      }
    }
  }
  return { events, broken };
}
