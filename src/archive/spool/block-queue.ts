// Blocks that wait in memory for the disk, oldest first, with what is known of each. Bounded by its owner.
import type { EventCounts } from '../../event.ts';
import type { EncodedBlock } from '../encoding/encoder.ts';
import type { SeriesDelta } from '../segments/series-counts.ts';

export interface QueuedBlock extends EncodedBlock {
  readonly rows: number;
  /** Of its rows; +Infinity without rows. */
  readonly minEndMs: number;
  readonly counts: EventCounts;
  readonly lowWatermarkMs: number;
  /** What its counts add to those of each series. */
  readonly series: readonly SeriesDelta[];
}

export class BlockQueue {
  #blocks: QueuedBlock[] = [];
  #bytes = 0;
  #rows = 0;

  get length(): number {
    return this.#blocks.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** End of the oldest event; +Infinity when empty. */
  get minEndMs(): number {
    return this.#blocks[0]?.minEndMs ?? Infinity;
  }

  /** The newest block. */
  get last(): QueuedBlock | undefined {
    return this.#blocks.at(-1);
  }

  push(block: QueuedBlock): void {
    this.#blocks.push(block);
    this.#bytes += block.bytes.length;
    this.#rows += block.rows;
  }

  /** The oldest blocks, as many as fit in `maxBytes`, at least one unless there is none. They stay in the queue. */
  peek(maxBytes: number): readonly QueuedBlock[] {
    let bytes = 0;
    const until = this.#blocks.findIndex((block, index) => {
      bytes += block.bytes.length;
      return index > 0 && bytes > maxBytes;
    });
    return until === -1 ? this.#blocks.slice() : this.#blocks.slice(0, until);
  }

  /** Removes the oldest `count` blocks. */
  shift(count: number): void {
    for (const block of this.#blocks.splice(0, count)) {
      this.#bytes -= block.bytes.length;
      this.#rows -= block.rows;
    }
  }
}
