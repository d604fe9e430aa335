// Memory that segments are read into, used again by all drains of a process. Fresh memory of that size costs Node its pages, and the garbage
// collector, which counts it, a run over all that it has every few segments: together as much time as all the rest of a drain.

/** Memory comes in multiples of it: segments that are about as long have the same. */
const UNIT_BYTES = 1_048_576;
/** One segment is committed while the next one is read. */
const MAX_FREE = 2;

export class SegmentMemory {
  /** Its own, while somebody has it: a segment that was never on the disk belongs to the spool. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  /** Largest first. The garbage collector may have them when it comes by: a process that is idle keeps nothing of its backlog. */
  #free: readonly WeakRef<ArrayBufferLike>[] = [];

  /** Memory of this many bytes or more. Who does not give it back leaves it to the garbage collector. */
  allocate(size: number): Buffer {
    const free = this.#listFree();
    const fitting = free.findLast(({ byteLength }) => byteLength >= size);
    if (fitting !== undefined) this.#keep(free.filter((memory) => memory !== fitting));
    const memory = fitting ?? Buffer.allocUnsafeSlow(size < UNIT_BYTES ? size : Math.ceil(size / UNIT_BYTES) * UNIT_BYTES).buffer;
    this.#lent.add(memory);
    return Buffer.from(memory);
  }

  /** Nobody will read these bytes again, nor is any of them on its way to Postgres. @param bytes what is none of its own is left alone */
  giveBack({ buffer }: Buffer): void {
    if (this.#lent.delete(buffer)) this.#keep([...this.#listFree(), buffer].toSorted((a, b) => b.byteLength - a.byteLength));
  }

  #listFree(): ArrayBufferLike[] {
    return this.#free.map((memory) => memory.deref()).filter((memory) => memory !== undefined);
  }

  #keep(free: readonly ArrayBufferLike[]): void {
    this.#free = free.slice(0, MAX_FREE).map((memory) => new WeakRef(memory));
  }
}
