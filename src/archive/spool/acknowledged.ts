// Segments of one source that are committed and kept for the grace time, so that they can be archived again when the ledger goes back.
// They never cost a live segment its room.
import { rm, stat } from 'node:fs/promises';
import type { SpoolLane } from '../../event.ts';
import { listAcknowledged, type SegmentEntry } from './spool-folder.ts';

/** How long a committed segment is kept: longer than a standby lags that somebody promotes. */
export const GRACE_MS = 300_000;

interface Kept extends SegmentEntry {
  readonly bytes: number;
  readonly acknowledgedMs: number;
}

export class Acknowledged {
  readonly #folder: string;
  #kept: readonly Kept[] = [];

  /** @param folder of the source, in the spool */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Looks what there is; only what is new costs more than its name. */
  async refresh(): Promise<void> {
    const known = new Map(this.#kept.map((entry) => [entry.path, entry]));
    const kept: Kept[] = [];
    for (const entry of await listAcknowledged(this.#folder)) {
      const found = known.get(entry.path) ?? (await measure(entry));
      if (found !== undefined) kept.push(found);
    }
    this.#kept = kept;
  }

  /** As of the last look. */
  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Those of a lane from a segment on, in order. */
  from(lane: SpoolLane, segment: number): readonly SegmentEntry[] {
    return this.#kept.filter((entry) => entry.lane === lane && entry.segment >= segment);
  }

  /** Removes those whose grace time is over. Only for somebody who has just seen that the ledger has them. */
  async expire(nowMs = Date.now()): Promise<void> {
    await this.#remove(this.#kept.filter(({ acknowledgedMs }) => acknowledgedMs <= nowMs - GRACE_MS));
  }

  /** Removes the oldest until no more than `maxBytes` are left. */
  async trim(maxBytes: number): Promise<void> {
    let left = this.bytes;
    const oldestFirst = this.#kept.toSorted((a, b) => a.acknowledgedMs - b.acknowledgedMs || a.segment - b.segment);
    const surplus = oldestFirst.filter(({ bytes }) => {
      if (left <= maxBytes) return false;
      left -= bytes;
      return true;
    });
    await this.#remove(surplus);
  }

  async #remove(entries: readonly Kept[]): Promise<void> {
    if (entries.length === 0) return;
    for (const { path } of entries) await rm(path, { force: true });
    this.#kept = this.#kept.filter((entry) => !entries.includes(entry));
  }
}

async function measure(entry: SegmentEntry): Promise<Kept | undefined> {
  const found = await stat(entry.path).catch(() => undefined);
  return found && { ...entry, bytes: found.size, acknowledgedMs: found.mtimeMs };
}
