// What a lane has sealed and nobody has acknowledged yet: in numbers, not in bytes.

export interface SealedSegment {
  readonly bytes: number;
  readonly rows: number;
  /** End of its oldest event; +Infinity without rows. */
  readonly minEndMs: number;
}

export class SealedSegments {
  readonly #segments = new Map<number, SealedSegment>();
  #last = 0;
  #bytes = 0;
  #rows = 0;

  /** Number of the one that was added last; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Their numbers, the oldest first. */
  get numbers(): readonly number[] {
    return [...this.#segments.keys()];
  }

  /** End of the oldest event of all; +Infinity without any. */
  get minEndMs(): number {
    let minEndMs = Infinity;
    for (const segment of this.#segments.values()) minEndMs = Math.min(minEndMs, segment.minEndMs);
    return minEndMs;
  }

  add(number: number, segment: SealedSegment): void {
    this.#segments.set(number, segment);
    this.#last = number;
    this.#bytes += segment.bytes;
    this.#rows += segment.rows;
  }

  /** Forgets those that are chosen. @returns whether there were any */
  forget(isChosen: (number: number) => boolean): boolean {
    const before = this.#segments.size;
    for (const [number, { bytes, rows }] of this.#segments) {
      if (!isChosen(number)) continue;
      this.#segments.delete(number);
      this.#bytes -= bytes;
      this.#rows -= rows;
    }
    return this.#segments.size < before;
  }
}
