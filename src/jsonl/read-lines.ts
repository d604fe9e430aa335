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

/**
 * Tells each line of a file, without its newline.
 * @throws what the file system says; a file that was removed has no lines
 */
export async function readLines(path: string, reader: LineReader): Promise<void> {
  let carry: Buffer[] = [];
  let carryBytes = 0;
  const add = (part: Buffer) => {
    carryBytes += part.length;
    if (carryBytes <= MAX_LINE_BYTES) carry.push(part);
  };
  const end = (isLast: boolean) => {
    if (carryBytes > MAX_LINE_BYTES) reader.tooLong();
    else reader.line(carry.length === 1 ? String(carry[0]) : Buffer.concat(carry).toString(), isLast);
    carry = [];
    carryBytes = 0;
  };
  await readChunks(path, (chunk) => {
    let at = 0;
    for (let next = chunk.indexOf(NEWLINE); next !== -1; next = chunk.indexOf(NEWLINE, at)) {
      add(chunk.subarray(at, next));
      end(false);
      at = next + 1;
    }
    if (at < chunk.length) add(chunk.subarray(at));
  });
  if (carryBytes > 0) end(true);
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
