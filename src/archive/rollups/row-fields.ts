// The fields of a row that rollups are made of, found in tuples of binary COPY without taking them apart. What is no tuple, or lacks one of
// them, is passed over: Postgres refuses it.

const FIELDS = ['end_time', 'duration_ms', 'weight', 'name', 'type', 'status', 'service'] as const;
type Field = (typeof FIELDS)[number];
const VALUES_OF_32_BITS = 4_294_967_296;

export class RowFields {
  readonly #frames: Buffer;
  /** Which of our fields the columns are; -1: none. */
  readonly #wanted: readonly number[];
  /** Where each of our fields begins, behind its length; 0 while there is none. */
  readonly #at = new Int32Array(FIELDS.length);
  readonly #lengths = new Int32Array(FIELDS.length);

  constructor(frames: Buffer, columns: readonly string[]) {
    this.#frames = frames;
    this.#wanted = columns.map((column) => (FIELDS as readonly string[]).indexOf(column));
  }

  /** Goes to the row that begins at `at`. @returns its end; -1 when there is no row of which we could tell anything */
  enter(at: number): number {
    const frames = this.#frames;
    if (at + 2 > frames.length || frames.readInt16BE(at) !== this.#wanted.length) return -1;
    this.#at.fill(0);
    let next = at + 2;
    for (const wanted of this.#wanted) {
      if (next + 4 > frames.length) return -1;
      const length = frames.readInt32BE(next);
      next += 4;
      if (wanted >= 0 && length >= 0) {
        this.#at[wanted] = next;
        this.#lengths[wanted] = length;
      }
      if (length > 0) next += length;
    }
    return next <= frames.length ? next : -1;
  }

  /** All that is needed of the row is there. */
  get isWhole(): boolean {
    return (
      this.#has(0, 8) &&
      this.#has(1, 8) &&
      (this.#at[2] === 0 || this.#lengths[2] === 4) &&
      this.#at.every((at, field) => at > 0 || field === 2)
    );
  }

  /** Microseconds since 2000-01-01. */
  get endUs(): number {
    const at = this.#at[0] ?? 0;
    return this.#frames.readInt32BE(at) * VALUES_OF_32_BITS + this.#frames.readUInt32BE(at + 4);
  }

  get durationMs(): number {
    return this.#frames.readDoubleBE(this.#at[1] ?? 0);
  }

  /** 1 where the rows have no such column. */
  get weight(): number {
    const at = this.#at[2] ?? 0;
    return at === 0 ? 1 : Math.max(0, this.#frames.readInt32BE(at));
  }

  text(field: Exclude<Field, 'end_time' | 'duration_ms' | 'weight'>): string {
    const index = FIELDS.indexOf(field);
    const at = this.#at[index] ?? 0;
    return this.#frames.toString('utf8', at, at + (this.#lengths[index] ?? 0)).replaceAll('\0', '\ufffd');
  }

  /** The same for the same name, type, status and service; much faster than their texts. */
  get key(): string {
    let key = '';
    for (let index = 3; index < FIELDS.length; index++) {
      const at = this.#at[index] ?? 0;
      key += `${this.#frames.toString('latin1', at, at + (this.#lengths[index] ?? 0))}\0`;
    }
    return key;
  }

  #has(field: number, length: number): boolean {
    return (this.#at[field] ?? 0) > 0 && this.#lengths[field] === length;
  }
}
