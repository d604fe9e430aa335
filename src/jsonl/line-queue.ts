// Lines that wait in memory for the disk, oldest first, in pieces of one day each. Bounded by its owner.

export interface QueuedLines {
  readonly day: string;
  /** Whole lines. */
  readonly bytes: Buffer;
  readonly rows: number;
  /** End of the oldest event. */
  readonly minEndMs: number;
}

export class LineQueue {
  #pieces: QueuedLines[] = [];
  #bytes = 0;
  #rows = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** End of the oldest event; +Infinity when empty. */
  get minEndMs(): number {
    let min = Infinity;
    for (const piece of this.#pieces) if (piece.minEndMs < min) min = piece.minEndMs;
    return min;
  }

  push(piece: QueuedLines): void {
    this.#pieces.push(piece);
    this.#bytes += piece.bytes.length;
    this.#rows += piece.rows;
  }

  /** The oldest pieces of one day, as one: as many as fit in `maxBytes`, at least one. They stay in the queue. Undefined when empty. */
  peek(maxBytes: number): { readonly lines: QueuedLines; readonly pieces: number } | undefined {
    const first = this.#pieces[0];
    if (first === undefined) return undefined;
    let bytes = 0;
    const until = this.#pieces.findIndex((piece, index) => {
      bytes += piece.bytes.length;
      return piece.day !== first.day || (index > 0 && bytes > maxBytes);
    });
    const taken = until === -1 ? this.#pieces.slice() : this.#pieces.slice(0, until);
    return { lines: join(taken, first.day), pieces: taken.length };
  }

  /** Removes the oldest `count` pieces, and puts `rest` in their place. */
  replace(count: number, rest: QueuedLines | undefined): void {
    for (const piece of this.#pieces.splice(0, count, ...(rest === undefined ? [] : [rest]))) {
      this.#bytes -= piece.bytes.length;
      this.#rows -= piece.rows;
    }
    this.#bytes += rest?.bytes.length ?? 0;
    this.#rows += rest?.rows ?? 0;
  }
}

function join(pieces: readonly QueuedLines[], day: string): QueuedLines {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  return {
    day,
    bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)),
    rows: pieces.reduce((sum, { rows }) => sum + rows, 0),
    minEndMs: Math.min(...pieces.map(({ minEndMs }) => minEndMs)),
  };
}

/** Newlines in whole lines. */
export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
