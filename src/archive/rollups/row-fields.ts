// The fields of a row that rollups are made of, found in tuples of binary COPY without taking them apart. What is no tuple, or lacks one of
// them, is passed over: Postgres refuses it.

const FIELDS = ['end_time', 'duration_ms', 'weight', 'name', 'type', 'status', 'service'] as const;
type Field = (typeof FIELDS)[number];
const WEIGHT = 2;
const VALUES_OF_32_BITS = 4_294_967_296;

/** Of one row at a time. One is used for many: where columns stand is found out once. */
export class RowFields {
  #frames: Buffer = Buffer.alloc(0);
  /** Which of our fields the columns are; -1: none. */
  readonly #wanted: Int32Array;
  /** Where each of our fields begins, behind its length; 0 while there is none. */
  readonly #at = new Int32Array(FIELDS.length);
  readonly #lengths = new Int32Array(FIELDS.length);

  constructor(columns: readonly string[]) {
    this.#wanted = Int32Array.from(columns, (column) => (FIELDS as readonly string[]).indexOf(column));
  }

  /** Goes to the row that begins at `at`. @returns its end; -1 when there is no row of which we could tell anything */
  enter(frames: Buffer, at: number): number {
    const wanted = this.#wanted;
    const starts = this.#at;
    this.#frames = frames;
    if (at + 2 > frames.length || frames.readInt16BE(at) !== wanted.length) return -1;
    starts.fill(0);
    let next = at + 2;
    for (let column = 0; column < wanted.length; column++) {
      if (next + 4 > frames.length) return -1;
      const length = frames.readInt32BE(next);
      const field = wanted[column] ?? -1;
      next += 4;
      if (length < 0) continue;
      if (field >= 0) {
        starts[field] = next;
        this.#lengths[field] = length;
      }
      next += length;
    }
    return next <= frames.length ? next : -1;
  }

  /** All that is needed of the row is there. */
  get isWhole(): boolean {
    for (let field = 0; field < FIELDS.length; field++) if (this.#at[field] === 0 && field !== WEIGHT) return false;
    return this.#lengths[0] === 8 && this.#lengths[1] === 8 && (this.#at[WEIGHT] === 0 || this.#lengths[WEIGHT] === 4);
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
    const [, , , name = 0, type = 0, status = 0, service = 0] = this.#at;
    const [, , , nameLength = 0, typeLength = 0, statusLength = 0, serviceLength = 0] = this.#lengths;
    // As we write them they follow each other, their lengths between them: one text then.
    if (type === name + nameLength + 4 && status === type + typeLength + 4 && service === status + statusLength + 4) {
      return this.#frames.toString('latin1', name - 4, service + serviceLength);
    }
    return `${this.text('name')}\0${this.text('type')}\0${this.text('status')}\0${this.text('service')}\0`;
  }
}
