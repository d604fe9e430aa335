// The second reading of a file: its events to Postgres, chunk by chunk, from where an earlier import has ended.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { LANES } from '../../event.ts';
import type { RefusalStreak } from '../drain/refused-rows.ts';
import { type CheckedFile, laneOf } from './import-check.ts';
import { ChunkImporter, type NumberedEvent } from './import-chunk.ts';
import { importSourceId, moveMarkStatement, openImport } from './import-marks.ts';
import { type ImportedEvent, type LineDefaults, LineProblem, parseEventLine } from './imported-event.ts';
import { type Line, LineReader, openContent } from './line-reader.ts';

const CHUNK_ROWS = 10_000;
const CHUNK_BYTES = 4_000_000;

const mayOverlap = loadSql('archive/may-overlap');

export interface ImportProgress {
  readonly what: 'checking' | 'importing' | 'waiting';
  readonly rows: number;
  /** Of the file, 0 to 1. */
  readonly share: number;
}

export interface FileImportOptions {
  readonly database: Database;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: ImportProgress) => void) | undefined;
  readonly path: string;
  readonly name: string;
  readonly checked: CheckedFile;
  readonly defaults: LineDefaults;
  /** Events that ended before are left out; microseconds since the epoch. */
  readonly skippedBeforeUs: number;
  readonly refusals: RefusalStreak;
}

export interface FileCounts {
  readonly imported: number;
  readonly deadLettered: number;
  /** Were in the archive already, or come more than once in the file. */
  readonly present: number;
  /** The signal was aborted before all was imported. */
  readonly isStopped: boolean;
}

export class FileImport {
  readonly #file: FileImportOptions;
  readonly #counts = { imported: 0, deadLettered: 0, present: 0 };
  readonly #repeated = new Set<string>();
  #chunk: NumberedEvent[] = [];
  #chunkBytes = 0;

  constructor(options: FileImportOptions) {
    this.#file = options;
  }

  /**
   * @param isOurTurn renews the lease
   * @throws KeepwatchError ERR_DATABASE_UNAVAILABLE when another process imports, ERR_USAGE when the file is changed meanwhile; what Postgres
   *   and the file system say
   */
  async run(isOurTurn: () => Promise<boolean>): Promise<FileCounts> {
    const { database, signal, onProgress, path, name, checked, refusals } = this.#file;
    const sourceId = importSourceId(checked.sha256);
    const lanes = await openImport(database, sourceId, name);
    const importer = new ChunkImporter({
      database,
      sourceId,
      file: name,
      lanes,
      refusals,
      looksUp: await this.#looksUp(sourceId),
    });
    const reader = new LineReader();
    const content = await openContent(path);
    for await (const { end: bytes } of this.#chunksOf(content.pieces, reader)) {
      if (!(await isOurTurn()))
        throw new KeepwatchError(
          'ERR_DATABASE_UNAVAILABLE',
          `${name}: another process imports now; import it again when that is done`,
        );
      this.#count(await importer.commit(this.#chunk, { bytes, sha256: reader.digest() }));
      onProgress?.({ what: 'importing', rows: this.#counts.imported, share: bytes / checked.bytes });
      if (signal?.aborted && bytes < checked.bytes) return { ...this.#counts, isStopped: true };
    }
    if (reader.digest() !== checked.sha256)
      throw new KeepwatchError('ERR_USAGE', `${name}: it was changed while it was imported`);
    const end = { sourceId, file: name, bytes: checked.bytes, sha256: checked.sha256, firstEndMs: null, lastEndMs: null };
    for (const lane of LANES) {
      const { sql, values } = moveMarkStatement({ ...end, lane });
      await database.none(sql, values);
    }
    return { ...this.#counts, isStopped: false };
  }

  /** Fills the chunk; gives the line that each ends with. */
  async *#chunksOf(pieces: AsyncIterable<Buffer>, reader: LineReader): AsyncGenerator<Line> {
    let last: Line | undefined;
    for await (const line of linesOf(pieces, reader, this.#file.checked.bytes)) {
      this.#take(line);
      last = line;
      if (this.#chunk.length >= CHUNK_ROWS || this.#chunkBytes >= CHUNK_BYTES) {
        yield line;
        this.#chunk = [];
        this.#chunkBytes = 0;
      }
    }
    if (last !== undefined && this.#chunk.length > 0) yield last;
  }

  #count({ imported, deadLettered, present }: Omit<FileCounts, 'isStopped'>): void {
    this.#counts.imported += imported;
    this.#counts.deadLettered += deadLettered;
    this.#counts.present += present;
  }

  #take({ text, end, number }: Line): void {
    const { checked, defaults, skippedBeforeUs } = this.#file;
    const { offsets, repeatedIds } = checked;
    const isImported = end <= Math.min(offsets.keep, offsets.rest);
    if (text === undefined || text === '' || (isImported && repeatedIds?.size === 0)) return;
    const event = parse(text, defaults);
    if (event === undefined) return;
    const { id } = event;
    const mayRepeat = id !== undefined && (repeatedIds === undefined || repeatedIds.has(id));
    const isRepeated = mayRepeat && this.#repeated.has(id);
    if (mayRepeat) this.#repeated.add(id);
    if (isImported || end <= offsets[laneOf(event)]) return;
    if (event.endUs < skippedBeforeUs) return;
    if (isRepeated) this.#counts.present++;
    else {
      this.#chunk.push({ event, line: number });
      this.#chunkBytes += text.length;
    }
  }

  async #looksUp(sourceId: bigint): Promise<boolean> {
    const { checked, database } = this.#file;
    const { sources, firstEndUs, lastEndUs } = checked;
    if (!Number.isFinite(firstEndUs)) return false;
    const values = {
      sourceId,
      sources: sources === undefined ? null : `{${[...sources].join()}}`,
      firstEndMs: firstEndUs / 1000,
      lastEndMs: lastEndUs / 1000,
    };
    return (await database.one<{ may_overlap: boolean }>(mayOverlap, values)).may_overlap;
  }
}

/** Undefined for a broken line: it was told when the file was checked. */
function parse(text: string, defaults: LineDefaults): ImportedEvent | undefined {
  try {
    return parseEventLine(text, defaults);
  } catch (error) {
    if (error instanceof LineProblem) return undefined;
    throw error;
  }
}

/** Lines up to so many bytes. What was appended to the file meanwhile is left to the next import. */
async function* linesOf(pieces: AsyncIterable<Buffer>, reader: LineReader, bytes: number): AsyncGenerator<Line> {
  for await (const piece of pieces) {
    for (const line of reader.take(piece)) {
      yield line;
      if (line.end >= bytes) return;
    }
  }
  yield* reader.rest();
}
