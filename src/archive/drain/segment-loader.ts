// Reads the segments of one drain: each while the one before it is being committed, and into memory that is used again.
import { describeError, KeepwatchError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { MAX_SEGMENT_BYTES } from '../segments/segment-format.ts';
import { readSegment, refuseMisplaced, type Segment } from '../segments/segment-reader.ts';
import { readSpoolFile } from '../segments/spool-file.ts';
import type { Source } from '../spool/source.ts';
import { type SegmentEntry, setAsideFile } from '../spool/spool-folder.ts';
import type { SegmentMemory } from './segment-memory.ts';

export interface LoadedSegment extends Segment {
  readonly bytes: Buffer;
}

/** A file that is no segment: all of it is unreadable. */
export type NoSegment = Pick<Segment, 'blocks' | 'tailBytes'>;

export interface SegmentLoaderOptions {
  readonly source: Source;
  readonly spoolDir: string;
  /** The source is this process: no newer version has written for it. */
  readonly isOwn: boolean;
  readonly memory: SegmentMemory;
  readonly logger: Logger;
}

type Reading = LoadedSegment | 'newer' | 'gone' | { readonly failure: unknown };

export class SegmentLoader {
  readonly #options: SegmentLoaderOptions;
  #ahead: { readonly path: string; readonly reading: Promise<Reading> } | undefined;

  constructor(options: SegmentLoaderOptions) {
    this.#options = options;
  }

  /**
   * Valid until `release`.
   * @returns `gone` when there is nothing in it, or another drainer was faster; what is no segment is set aside
   * @throws what the file system says
   */
  async load(entry: SegmentEntry): Promise<LoadedSegment | NoSegment | 'newer' | 'gone'> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const read = await (ahead?.path === entry.path ? ahead.reading : this.#read(entry));
    if (typeof read === 'string' || !('failure' in read)) return read;
    if (!(read.failure instanceof KeepwatchError)) throw read.failure;
    const { spoolDir, logger } = this.#options;
    const aside = await setAsideFile(spoolDir, entry.path);
    if (aside === undefined) return 'gone';
    logger.error({ file: aside.path }, `a file in the spool is set aside: ${describeError(read.failure)}`);
    return { blocks: [], tailBytes: aside.bytes };
  }

  /** Begins to read the segment that `load` is asked for next. Not one that may still grow. */
  prepare(entry: SegmentEntry | undefined): void {
    if (entry?.isSealed === true) this.#ahead = { path: entry.path, reading: this.#read(entry) };
  }

  /** The segment that was read ahead, if it can be drained; undefined where there is none. Never rejects. */
  async peek(): Promise<LoadedSegment | undefined> {
    const read = await this.#ahead?.reading;
    return typeof read === 'object' && 'header' in read ? read : undefined;
  }

  /** Nobody reads the segment's bytes any more, nor is any of them on its way to Postgres. */
  release({ bytes }: LoadedSegment): void {
    this.#options.memory.giveBack(bytes);
  }

  /** Never rejects, nor moves a file: what is read ahead may not be wanted. */
  async #read(entry: SegmentEntry): Promise<Reading> {
    const { source, isOwn, memory } = this.#options;
    try {
      const bytes = entry.content ?? (await readSpoolFile(entry.path, MAX_SEGMENT_BYTES, (size) => memory.allocate(size)));
      if (bytes === undefined || (bytes.length === 0 && !entry.isSealed)) return 'gone';
      const place = { ...entry, sourceId: source.sourceId, service: source.service };
      const segment = readSegment(bytes, place);
      if (segment === undefined && isOwn) {
        throw new KeepwatchError(
          'ERR_SEGMENT_INVALID',
          'it says that a newer version has written it, in the folder of this process',
        );
      }
      if (segment === undefined) return 'newer';
      refuseMisplaced(segment.header, place);
      return { ...segment, bytes };
    } catch (failure) {
      return { failure };
    }
  }
}
