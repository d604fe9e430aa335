// The segment of a lane that is being written, and what stands in it, until it is sealed or given up.
import type { SpoolLane } from '../../event.ts';
import { LANE_RELATIONS } from '../segments/relations.ts';
import type { SegmentHeader } from '../segments/segment-format.ts';
import type { QueuedBlock } from './block-queue.ts';
import type { SealedSegment } from './sealed-segments.ts';
import { SegmentFile } from './segment-file.ts';
import type { SourceHome } from './source-home.ts';

export interface OpenSegmentOptions {
  readonly lane: SpoolLane;
  /** Of the source; shared by its lanes. */
  readonly home: SourceHome;
}

export class OpenSegment {
  readonly #home: SourceHome;
  readonly #lane: SpoolLane;
  #lastNumber = 0;
  #file: SegmentFile | undefined;
  /** No longer to be added to: it is being sealed, or given up. */
  #ending: SegmentFile | undefined;
  #rows = 0;
  #minEndMs = Infinity;

  constructor({ home, lane }: OpenSegmentOptions) {
    this.#home = home;
    this.#lane = lane;
  }

  /** Undefined before the first block, and while one is ending. */
  get file(): SegmentFile | undefined {
    return this.#file;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return (this.#file ?? this.#ending)?.bytes ?? 0;
  }

  /** End of the oldest event; +Infinity without rows. */
  get minEndMs(): number {
    return this.#minEndMs;
  }

  /** The file of now, or a new one. @throws what the file system says */
  async open(): Promise<SegmentFile> {
    if (this.#file !== undefined) return this.#file;
    await this.#home.make();
    this.#file = await SegmentFile.open(this.#home.folder, this.nextHeader());
    return this.#file;
  }

  /** The same at once, for the moment before the process ends. */
  openSync(): SegmentFile {
    if (this.#file !== undefined) return this.#file;
    this.#home.makeSync();
    return SegmentFile.openSync(this.#home.folder, this.nextHeader());
  }

  /** Of a segment with the next number. */
  nextHeader(): SegmentHeader {
    const { sourceId, service } = this.#home.source;
    const { name, columns } = LANE_RELATIONS[this.#lane];
    return { sourceId, lane: this.#lane, segment: ++this.#lastNumber, relation: name, columns, service };
  }

  /** These are in its file. */
  note(blocks: readonly QueuedBlock[]): void {
    for (const block of blocks) {
      this.#rows += block.rows;
      this.#minEndMs = Math.min(this.#minEndMs, block.minEndMs);
    }
  }

  /** Nothing is added any more. @returns the file that ends; undefined when there is none */
  end(): SegmentFile | undefined {
    this.#ending = this.#file ?? this.#ending;
    this.#file = undefined;
    return this.#ending;
  }

  /** It has ended. @returns what was in it */
  release(file: SegmentFile): SealedSegment {
    const sealed = { bytes: file.bytes, rows: this.#rows, minEndMs: this.#minEndMs };
    this.#ending = undefined;
    this.#rows = 0;
    this.#minEndMs = Infinity;
    return sealed;
  }
}
