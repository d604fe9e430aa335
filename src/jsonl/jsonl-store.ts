// The store of an app without a database: takes its events, keeps them as lines of JSON in a file a day, and removes old days. Bounded in
// memory; what does not fit is dropped, and counted by reason.
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { describeError } from '../errors.ts';
import type { DropReason, EventBatch, EventSink, Lane } from '../event.ts';
import type { EventStore, StoreStats } from '../event-store.ts';
import type { Logger } from '../logger.ts';
import { within } from '../within.ts';
import { removeDaysBefore } from './day-folder.ts';
import { EventLines } from './event-line.ts';
import { LineWriter } from './line-writer.ts';
import { utcDay } from './timestamps.ts';

export interface JsonlStoreOptions {
  /** Shared by any number of processes of this machine; made with the first event. Not for a network file system, which may tear lines. */
  readonly folder: string;
  /** How long days are kept, in milliseconds; Infinity: for ever. */
  readonly keepMs: number;
  /** `disk`: every write is synced before the next one. */
  readonly durability: 'process' | 'disk';
  /** The process clock that the events carry: milliseconds since the epoch. */
  readonly now: () => number;
  /** Makes the tracker hand on what it has. */
  readonly collect: () => void;
  readonly logger: Logger;
  /** Bytes at most in memory; default 8 MB. */
  readonly maxQueueBytes?: number;
}

const DEFAULT_QUEUE_BYTES = 8_000_000;
/** Of that bound: the last quarter is left to failures and slow events. */
const QUEUE_SHARES: Readonly<Record<Lane, number>> = { keep: 1, rest: 0.75 };
/** Characters of lines that are queued as one piece. */
const PIECE_LENGTH = 64_000;
const LOOK_MS = 3_600_000;

/** Builds it; nothing runs and no file is made yet. */
export function createJsonlStore(options: JsonlStoreOptions): EventStore {
  return new Store(options);
}

class Store implements EventStore {
  readonly sink: EventSink = { accept: (batch) => this.#accept(batch) };
  readonly #options: JsonlStoreOptions;
  readonly #folder: string;
  readonly #writer: LineWriter;
  readonly #lines = new EventLines(randomBytes(8).readBigUInt64BE() >> 1n);
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #timer: NodeJS.Timeout | undefined;
  #prunedDay: string | undefined;
  #isClosed = false;

  constructor(options: JsonlStoreOptions) {
    this.#options = options;
    this.#folder = resolve(options.folder);
    this.#writer = new LineWriter({ folder: this.#folder, durability: options.durability, logger: options.logger });
  }

  /** Begins to remove old days: now, and once a day. */
  start(): void {
    if (this.#timer !== undefined || this.#isClosed || this.#options.keepMs === Infinity) return;
    this.#timer = setInterval(() => void this.#prune(), LOOK_MS).unref();
    void this.#prune();
  }

  async flush(): Promise<void> {
    // Twice, since a full queue takes a part only.
    for (let pass = 0; pass < 2; pass++) {
      this.#options.collect();
      await this.#writer.flush();
    }
  }

  /** What the disk has not taken in time is said in the log. */
  async stop({ timeoutMs }: { timeoutMs: number }): Promise<void> {
    clearInterval(this.#timer);
    const finish = async () => {
      await this.flush();
      this.#options.collect();
      this.#isClosed = true;
      await this.#writer.flush();
    };
    await within(timeoutMs, finish());
    this.#isClosed = true;
    this.#writer.stop();
    const { events } = this.#writer.waiting;
    if (events > 0) this.#options.logger.error({ events }, 'the last events could not be written');
  }

  appendSync(): void {
    this.#writer.stop();
    this.#options.collect();
    this.#isClosed = true;
    this.#writer.appendSync();
  }

  stats(): StoreStats {
    const { events, bytes, oldestMs } = this.#writer.waiting;
    const { failure } = this.#writer;
    const reasons = [
      ...(failure === undefined ? [] : [`the JSONL folder cannot be written: ${failure}`]),
      ...(failure !== undefined && this.#isFull('rest') ? ['the memory for events is full: events are dropped'] : []),
    ];
    return {
      archived: this.#writer.written,
      deadLettered: 0,
      quarantined: 0,
      dropped: { ...this.#dropped },
      spoolBytes: bytes,
      spoolEvents: events,
      spoolLimitBytes: this.#queueLimit,
      spoolFreeBytes: Math.max(0, this.#queueLimit - bytes),
      suspectBytes: 0,
      suspectsRemoved: 0,
      lagSeconds: events === 0 ? 0 : Math.max(0, (this.#options.now() - oldestMs) / 1000),
      state: reasons.length === 0 ? 'ok' : 'degraded',
      reasons,
      ...this.#writer.numbers,
    };
  }

  #accept(batch: EventBatch): number {
    if (this.#isClosed) return 0;
    let next = 0;
    while (next < batch.size) {
      if (this.#isFull(batch.lane)) {
        if (this.#writer.failure === undefined) break; // the tracker's ring keeps it until there is room
        this.#drop('spool_error', batch.size - next);
        next = batch.size;
      } else next = this.#encode(batch, next);
    }
    this.#writer.write();
    return next;
  }

  /** Queues events of one day. @returns the index of the first that is not among them */
  #encode(batch: EventBatch, from: number): number {
    const texts: string[] = [];
    let day: string | undefined;
    let length = 0;
    let minEndMs = Infinity;
    let index = from;
    for (; index < batch.size && length < PIECE_LENGTH; index++) {
      try {
        const line = this.#lines.encode(batch, index);
        if (day !== undefined && line.day !== day) break;
        day = line.day;
        texts.push(line.text);
        length += line.text.length;
        minEndMs = Math.min(minEndMs, line.endMs);
      } catch {
        this.#drop('encode_error', 1);
      }
    }
    if (day !== undefined) this.#writer.push({ day, bytes: Buffer.from(texts.join('')), rows: texts.length, minEndMs });
    return index;
  }

  #isFull(lane: Lane): boolean {
    return this.#writer.waiting.bytes >= this.#queueLimit * QUEUE_SHARES[lane];
  }

  get #queueLimit(): number {
    return this.#options.maxQueueBytes ?? DEFAULT_QUEUE_BYTES;
  }

  #drop(reason: DropReason, events: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events;
  }

  /** Never rejects. A day that was written lately stays: a clock that was wrong has put events there. */
  async #prune(): Promise<void> {
    const nowMs = this.#options.now();
    if (utcDay(nowMs) === this.#prunedDay) return;
    const untilMs = nowMs - this.#options.keepMs;
    try {
      const days = await removeDaysBefore(this.#folder, utcDay(untilMs), { writtenBeforeMs: untilMs });
      this.#prunedDay = utcDay(nowMs);
      if (days.length > 0) this.#options.logger.info({ days }, 'days that are no longer kept were removed');
    } catch (error) {
      this.#options.logger.warn({}, `old days of the JSONL folder could not be removed: ${describeError(error)}`);
    }
  }
}
