// A file line by line, in bounded memory. Lines end at a newline and nowhere else: the readers of Node also end them at U+2028.
import { createReadStream } from 'node:fs';
import { countLines } from './line-queue.ts';

const NEWLINE = 10;
const CHUNK_BYTES = 262_144;
/** Ours are a tenth of it at most. */
export const MAX_LINE_BYTES = 1_000_000;

export interface LineReader {
  /** @param isLast nothing ended it: it may be one that is being written, or was never written whole */
  line(text: string, isLast: boolean): void;
  /** A line that is longer than `MAX_LINE_BYTES`. */
  tooLong(): void;
}

/** As `LineReader`, of bytes. */
export interface RawLineReader {
  /** @param at where it begins */
  line(bytes: Buffer, at: number, isLast: boolean): void;
  tooLong(): void;
}

/** Takes the chunks of a file, in their order, and tells their lines. A chunk must not be changed before the next one is taken. */
export class LineSplitter {
  readonly #reader: RawLineReader;
  #carry: Buffer[] = [];
  #carryBytes = 0;
  /** Where the line under way begins. */
  #lineAt = 0;

  constructor(reader: RawLineReader) {
    this.#reader = reader;
  }

  add(chunk: Buffer): void {
    let at = 0;
    for (let next = chunk.indexOf(NEWLINE); next !== -1; next = chunk.indexOf(NEWLINE, at)) {
      this.#hold(chunk.subarray(at, next));
      this.#tell(false);
      at = next + 1;
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at));
  }

  /** Tells what has no end yet. */
  end(): void {
    if (this.#carryBytes > 0) this.#tell(true);
  }

  #hold(part: Buffer): void {
    this.#carryBytes += part.length;
    if (this.#carryBytes <= MAX_LINE_BYTES) this.#carry.push(part);
    else this.#carry = [];
  }

  #tell(isLast: boolean): void {
    const [first] = this.#carry;
    if (this.#carryBytes > MAX_LINE_BYTES) this.#reader.tooLong();
    else this.#reader.line(this.#carry.length === 1 && first ? first : Buffer.concat(this.#carry), this.#lineAt, isLast);
    this.#lineAt += this.#carryBytes + 1;
    this.#carry = [];
    this.#carryBytes = 0;
  }
}

/**
 * Tells each line of a file, without its newline.
 * @throws what the file system says; a file that was removed has no lines
 */
export async function readLines(path: string, reader: LineReader): Promise<void> {
  const lines = new LineSplitter({
    line: (bytes, _at, isLast) => reader.line(String(bytes), isLast),
    tooLong: () => reader.tooLong(),
  });
  await readChunks(path, (chunk) => lines.add(chunk));
  lines.end();
}

/** How many lines and bytes a file has. @throws what the file system says; a file that was removed has none */
export async function measureLines(path: string): Promise<{ readonly rows: number; readonly bytes: number }> {
  let rows = 0;
  let bytes = 0;
  await readChunks(path, (chunk) => {
    rows += countLines(chunk);
    bytes += chunk.length;
  });
  return { rows, bytes };
}

async function readChunks(path: string, tell: (chunk: Buffer) => void): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) tell(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
