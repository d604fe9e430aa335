// Files of lines, plain or gzip, read in bounded memory, with a hash of all up to each line's end.
import { isUtf8 } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

export interface Line {
  /** Without its end; undefined when it is too long, or no UTF-8. */
  readonly text: string | undefined;
  /** Counted from 1. */
  readonly number: number;
  /** Bytes of the content up to here, its end included. */
  readonly end: number;
  /** It has a line end: whoever writes the file is done with it. */
  readonly isEnded: boolean;
  /** Why there is no text. */
  readonly problem: string;
}

/** Longer ones are refused: an event has a few hundred bytes. */
export const MAX_LINE_BYTES = 1_048_576;
const NEWLINE = 0x0a;
const GZIP = Buffer.from([0x1f, 0x8b]);
const BYTE_ORDER_MARK = '\ufeff';
const READ_BYTES = 262_144;

/** Cuts content into lines. */
export class LineReader {
  readonly #hash: Hash = createHash('sha256');
  #atLineStart: Hash | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isTooLong = false;
  #end = 0;
  #number = 0;

  /** The lines that end in the next piece of the content. To be read to the end before the next call. */
  *take(piece: Buffer): Generator<Line> {
    for (let from = 0; from < piece.length; ) {
      const newline = piece.indexOf(NEWLINE, from);
      const to = newline === -1 ? piece.length : newline + 1;
      const part = piece.subarray(from, to);
      if (newline === -1 && this.#heldBytes === 0) this.#atLineStart = this.#hash.copy();
      this.#hash.update(part);
      this.#end += part.length;
      this.#hold(part);
      if (newline !== -1) yield this.#line(true);
      from = to;
    }
  }

  /** What stands behind the last line end, as if it had one: so the file is known again when it has grown. */
  *rest(): Generator<Line> {
    if (this.#heldBytes === 0) return;
    this.#hash.update('\n');
    this.#end++;
    yield this.#line(false);
  }

  /** Of all content up to the last line end, when `rest` has given a line. Hexadecimal. */
  digestBeforeRest(): string {
    return (this.#atLineStart ?? this.#hash).copy().digest('hex');
  }

  /** Of all content up to the end of the last line. Hexadecimal. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    this.#isTooLong ||= this.#heldBytes > MAX_LINE_BYTES;
    if (this.#isTooLong) this.#held = [];
    else this.#held.push(part);
  }

  #line(isEnded: boolean): Line {
    this.#number++;
    const bytes = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held);
    const place = { number: this.#number, end: this.#end, isEnded };
    const isTooLong = this.#isTooLong;
    this.#held = [];
    this.#heldBytes = 0;
    this.#isTooLong = false;
    if (bytes === undefined || isTooLong)
      return { ...place, text: undefined, problem: `allowed: a line of at most ${MAX_LINE_BYTES} bytes` };
    if (!isUtf8(bytes)) return { ...place, text: undefined, problem: 'no UTF-8; allowed: JSON in UTF-8' };
    const text = bytes.toString();
    return {
      ...place,
      text: (place.number === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).trim(),
      problem: '',
    };
  }
}

export interface OpenedContent {
  /** Decompressed. */
  readonly pieces: AsyncIterable<Buffer>;
  /** Of the file, as it stands on the disk. */
  readonly fileBytes: number;
  /** How many of them are read. */
  readBytes(): number;
}

/** Opens a file; it is closed when its pieces are read, or left. @throws what the file system says */
export async function openContent(path: string): Promise<OpenedContent> {
  const file = await open(path, 'r');
  let fileBytes: number;
  let isGzip: boolean;
  try {
    fileBytes = (await file.stat()).size;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    isGzip = bytesRead === 2 && buffer.equals(GZIP);
  } finally {
    await file.close();
  }
  const raw = createReadStream(path, { highWaterMark: READ_BYTES });
  const pieces: Readable = isGzip ? pipeline(raw, createGunzip({ chunkSize: READ_BYTES }), () => {}) : raw;
  return { pieces: pieces as AsyncIterable<Buffer>, fileBytes, readBytes: () => raw.bytesRead };
}
