// Some lines' worth of events to Postgres: a batch a lane, each with its mark in the file, through the door that all events take.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { LANES, type Lane } from '../../event.ts';
import { sourceBits, writeEventId } from '../../event-id.ts';
import { commitBatch } from '../drain/commit-batch.ts';
import { createPartitions } from '../drain/partitions.ts';
import type { RefusalStreak } from '../drain/refused-rows.ts';
import { KnownSeries } from '../rollups/series.ts';
import { LANE_RELATIONS } from '../segments/relations.ts';
import { seriesKey, seriesName } from '../segments/series-counts.ts';
import { laneOf } from './import-check.ts';
import { type ImportedLane, moveMarkStatement } from './import-marks.ts';
import type { ImportedEvent } from './imported-event.ts';
import { TupleWriter } from './tuple-writer.ts';

export interface NumberedEvent {
  readonly event: ImportedEvent;
  /** Line of the file, counted from 1. */
  readonly line: number;
}

/** Up to where the file is imported with the chunk. */
export interface ChunkEnd {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface ChunkOutcome {
  readonly imported: number;
  readonly deadLettered: number;
  /** Were in the archive already. */
  readonly present: number;
}

export interface ChunkImporterOptions {
  readonly database: Database;
  readonly sourceId: bigint;
  readonly file: string;
  readonly lanes: Readonly<Record<Lane, ImportedLane>>;
  /** Ask for each event with an id of its own whether the archive has it. */
  readonly looksUp: boolean;
  readonly refusals: RefusalStreak;
}

const DAY_US = 86_400_000_000;
const VALUES_OF_16_BITS = 65_536;
/** Series at most whose counts are told; the others are known by their lane. */
const MAX_SERIES = 10_000;

const findEvents = loadSql('archive/find-events');

export class ChunkImporter {
  readonly #options: ChunkImporterOptions;
  readonly #tuples: Readonly<Record<Lane, TupleWriter>>;
  readonly #series = new KnownSeries();
  readonly #id = Buffer.alloc(16);
  readonly #idView = new DataView(this.#id.buffer, this.#id.byteOffset, this.#id.length);
  readonly #partitions: ReturnType<typeof createPartitions>;

  constructor(options: ChunkImporterOptions) {
    this.#options = options;
    this.#partitions = createPartitions(options.database);
    this.#tuples = { keep: new TupleWriter(options.sourceId), rest: new TupleWriter(options.sourceId) };
  }

  /**
   * Commits the events of each lane with its mark.
   * @throws KeepwatchError ERR_DATABASE_UNAVAILABLE when another process imports the same; what Postgres says
   */
  async commit(events: readonly NumberedEvent[], end: ChunkEnd): Promise<ChunkOutcome> {
    const fresh = this.#options.looksUp ? await this.#withoutPresent(events) : events;
    await this.#cover(fresh);
    let deadLettered = 0;
    for (const lane of LANES) {
      const some = fresh.filter(({ event }) => laneOf(event) === lane);
      if (some.length > 0) deadLettered += await this.#commitLane(lane, some, end);
    }
    return { imported: fresh.length - deadLettered, deadLettered, present: events.length - fresh.length };
  }

  async #withoutPresent(events: readonly NumberedEvent[]): Promise<readonly NumberedEvent[]> {
    const ids = events.flatMap(({ event }) => (event.id === undefined ? [] : [event.id]));
    if (ids.length === 0) return events;
    const { firstEndMs, lastEndMs } = rangeOf(events);
    const { database } = this.#options;
    const rows = await database.any<{ id: string }>(findEvents, { ids: `{${ids.join()}}`, firstEndMs, lastEndMs });
    const present = new Set(rows.map(({ id }) => id.replaceAll('-', '')));
    return present.size === 0 ? events : events.filter(({ event }) => !present.has(event.id ?? ''));
  }

  /** Partitions of the days that there are: a file may know two that lie years apart. */
  async #cover(events: readonly NumberedEvent[]): Promise<void> {
    for (const day of new Set(events.map(({ event }) => Math.floor(event.endUs / DAY_US)))) {
      await this.#partitions.cover((day * DAY_US) / 1000, (day * DAY_US) / 1000);
    }
  }

  /** @returns how many events were refused */
  async #commitLane(lane: Lane, events: readonly NumberedEvent[], end: ChunkEnd): Promise<number> {
    const { database, sourceId, file, refusals } = this.#options;
    const state = this.#options.lanes[lane];
    const tuples = this.#tuples[lane];
    tuples.clear();
    for (const numbered of events) tuples.write(numbered.event.id ?? this.#makeId(numbered), numbered.event);
    const { firstEndMs, lastEndMs } = rangeOf(events);
    const { name: relation, columns } = LANE_RELATIONS[lane];
    const recorded = state.recorded + events.length;
    const counts = { recorded, sampledOut: 0, dropped: {} };
    const block = { isLast: false, counts, minEndMs: firstEndMs, maxEndMs: lastEndMs, lowWatermarkMs: -Infinity };
    const { rows, frames } = tuples;
    const outcome = await commitBatch(
      {
        header: { sourceId, lane, segment: state.segment + 1, relation, columns, service: 'import' },
        blocks: [
          { ...block, number: 1, rows, frames },
          { ...block, number: 2, rows: 0, frames: NOTHING, series: countSeries(state, events) },
        ],
        statements: [moveMarkStatement({ sourceId, lane, file, ...end, firstEndMs, lastEndMs })],
      },
      {
        database,
        partitions: { ...this.#partitions, cover: () => this.#cover(events) },
        databaseNowMs: Date.now(),
        clockOffsetMs: undefined,
        from: { segment: state.segment, batch: 0 },
        takesAnyTime: true,
        series: this.#series,
        refusals,
      },
    );
    if (outcome === undefined)
      throw new KeepwatchError(
        'ERR_DATABASE_UNAVAILABLE',
        `${file}: another process imports it just now; import it again when that is done`,
      );
    state.segment++;
    state.recorded = recorded;
    return outcome.deadLettered;
  }

  /** The same whenever the same content is imported. @returns 32 hexadecimal digits */
  #makeId({ event, line }: NumberedEvent): string {
    const ms = Math.floor(event.endUs / 1000);
    const high = Math.floor(ms / VALUES_OF_16_BITS);
    const sequence = line * LANES.length + LANES.indexOf(laneOf(event));
    writeEventId(this.#idView, 0, high, ms - high * VALUES_OF_16_BITS, sequence, sourceBits(this.#options.sourceId));
    return this.#id.toString('hex');
  }
}

const NOTHING = Buffer.alloc(0);

/** What the ledger of series is told: those of the chunk, cumulative. */
function countSeries({ series }: ImportedLane, events: readonly NumberedEvent[]): Buffer {
  const changed = new Map<string, { type: string; name: string; recorded: number }>();
  for (const { event } of events) {
    const name = seriesName(event.name);
    const key = seriesKey(event.type, name);
    const known = series.get(key) ?? { type: event.type, name, recorded: 0 };
    if (known.recorded === 0 && series.size >= MAX_SERIES) continue;
    known.recorded++;
    series.set(key, known);
    changed.set(key, known);
  }
  return Buffer.from(JSON.stringify([...changed.values()].map(({ type, name, recorded }) => [type, name, recorded, 0])));
}

function rangeOf(events: readonly NumberedEvent[]): { firstEndMs: number; lastEndMs: number } {
  let first = Infinity;
  let last = -Infinity;
  for (const { event } of events) {
    if (event.endUs < first) first = event.endUs;
    if (event.endUs > last) last = event.endUs;
  }
  return { firstEndMs: first / 1000, lastEndMs: last / 1000 };
}
