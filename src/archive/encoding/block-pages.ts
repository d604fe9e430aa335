// Memory for blocks, used again: a page is filled by an encoder, lent until its block is on the disk, and given back. Else every block
// would be copied out, and left to the garbage collector.
import { MAX_BLOCK_BYTES } from '../segments/segment-format.ts';

/** Room for one block. */
export interface Page {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** Pages that are kept for later at most: 1 MB, about what waits between two writes. */
const MAX_FREE = 16;

export class BlockPages {
  readonly #free: Page[] = [];

  /** A page for a new block. Who does not give it back leaves it to the garbage collector. */
  take(): Page {
    return this.#free.pop() ?? createPage();
  }

  /** Takes back a page that nobody will read or write again. */
  giveBack(page: Page): void {
    if (this.#free.length < MAX_FREE) this.#free.push(page);
  }
}

function createPage(): Page {
  const bytes = Buffer.allocUnsafeSlow(MAX_BLOCK_BYTES);
  return { bytes, view: new DataView(bytes.buffer) };
}
