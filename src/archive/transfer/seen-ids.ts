// Which ids come twice in a file, in bounded memory: a Bloom filter names those that may, and few others; a second reading knows.

const BITS = 2 ** 27;
const HASHES = 4;
/** So many ids that may come twice, and the file is made of copies. */
const MAX_CANDIDATES = 1_000_000;

/** 16 MB, made with the first id. */
export class SeenIds {
  #bits: Uint32Array | undefined;
  readonly #candidates = new Set<string>();

  /** Ids that may have come more than once: all that have, and perhaps others. Undefined: too many to remember. */
  get candidates(): ReadonlySet<string> | undefined {
    return this.#candidates.size < MAX_CANDIDATES ? this.#candidates : undefined;
  }

  /** @param id 32 hexadecimal digits */
  add(id: string): void {
    this.#bits ??= new Uint32Array(BITS / 32);
    const step = mix(Number.parseInt(id.slice(0, 8), 16) ^ Math.imul(Number.parseInt(id.slice(16, 24), 16), 0x9e3779b1)) | 1;
    let hash = mix(Number.parseInt(id.slice(8, 16), 16) ^ Math.imul(Number.parseInt(id.slice(24, 32), 16), 0x85ebca6b) ^ step);
    let isNew = false;
    for (let round = 0; round < HASHES; round++) {
      const bit = (hash >>> 0) % BITS;
      const word = this.#bits[bit >>> 5] ?? 0;
      const mask = 1 << (bit & 31);
      if ((word & mask) === 0) isNew = true;
      this.#bits[bit >>> 5] = word | mask;
      hash = mix(hash + step);
    }
    if (!isNew && this.#candidates.size < MAX_CANDIDATES) this.#candidates.add(id);
  }
}

/** The finalizer of MurmurHash3. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
