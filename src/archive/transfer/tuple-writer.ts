// Imported events as tuples of binary COPY, exactly as they were given: the encoder of the spool makes ids, and bounds what it takes.
import { COLUMNS, POSTGRES_EPOCH_MS } from '../segments/copy-tuples.ts';
import type { ImportedEvent } from './imported-event.ts';

const FIRST_BYTES = 262_144;
/** Of all fields but the texts. */
const FIXED_BYTES = 256;
const MAX_BYTES_OF_UNIT = 3;
const EPOCH_US = BigInt(POSTGRES_EPOCH_MS) * 1000n;
const NULL = -1;
const JSONB_VERSION = 1;

/** Collects rows; its memory is used again. */
export class TupleWriter {
  readonly #sourceId: bigint;
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #end = 0;
  #rows = 0;

  constructor(sourceId: bigint) {
    this.#sourceId = sourceId;
  }

  get rows(): number {
    return this.#rows;
  }

  /** What was written: a view, true until the next `clear`. */
  get frames(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  clear(): void {
    this.#end = 0;
    this.#rows = 0;
  }

  /** @param id 32 hexadecimal digits */
  write(id: string, event: ImportedEvent): void {
    this.#makeRoom(event);
    this.#end = this.#bytes.writeInt16BE(COLUMNS.length, this.#end);
    this.#hex(id);
    this.#bigint(BigInt(event.startUs) - EPOCH_US);
    this.#bigint(BigInt(event.endUs) - EPOCH_US);
    this.#end = this.#bytes.writeDoubleBE(event.durationMs, this.#bytes.writeInt32BE(8, this.#end));
    this.#bigint(this.#sourceId);
    this.#hex(event.traceId);
    this.#end = this.#bytes.writeInt32BE(event.weight, this.#bytes.writeInt32BE(4, this.#end));
    for (const text of [event.name, event.type, event.status, event.service]) this.#text(text);
    this.#hex(event.spanId);
    this.#hex(event.parentSpanId);
    if (event.error === undefined) this.#end = this.#bytes.writeInt32BE(NULL, this.#end);
    else this.#text(event.error);
    const length = this.#bytes.write(event.metadata, this.#end + 5);
    this.#bytes.writeInt32BE(length + 1, this.#end);
    this.#bytes.writeInt8(JSONB_VERSION, this.#end + 4);
    this.#end += 5 + length;
    this.#rows++;
  }

  #makeRoom({ name, service, error, metadata }: ImportedEvent): void {
    const units = name.length + service.length + (error?.length ?? 0) + metadata.length;
    const needed = this.#end + FIXED_BYTES + MAX_BYTES_OF_UNIT * units;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.frames);
    this.#bytes = larger;
  }

  #hex(value: string | undefined): void {
    if (value === undefined) {
      this.#end = this.#bytes.writeInt32BE(NULL, this.#end);
      return;
    }
    this.#end = this.#bytes.writeInt32BE(value.length / 2, this.#end);
    this.#end += this.#bytes.write(value, this.#end, 'hex');
  }

  #bigint(value: bigint): void {
    this.#end = this.#bytes.writeBigInt64BE(value, this.#bytes.writeInt32BE(8, this.#end));
  }

  #text(value: string): void {
    const length = this.#bytes.write(value, this.#end + 4);
    this.#bytes.writeInt32BE(length, this.#end);
    this.#end += 4 + length;
  }
}
