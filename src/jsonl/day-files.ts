// Appends whole lines to the file of a day that many processes write at once. The kernel puts each append behind the last one (O_APPEND) and
// lets none come between, but a process that is killed, or a disk that is full, can leave a line torn, and what comes next would be its end.
// So a writer looks at the last byte first, and where others wrote in the meantime it reads what came of its own lines.
import { closeSync, constants, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileOfDay } from './day-folder.ts';

const NEWLINE = Buffer.from('\n');
const NOTHING = Buffer.alloc(0);
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Reading, for the last byte; not waiting for anybody, should it be a pipe. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const READ_BYTES = 65_536;
/** `{"id":"019aa5c4-6a80-7000-8000-03f1d2c4b5a6"` */
const ID_LENGTH = 44;
/** `2305843009213693951"}` and its end, of the longest. */
const SOURCE_LENGTH = 22;
/** How long the process may wait, as it ends, for a write that it has begun. */
const SETTLE_MS = 500;
const POLL_MS = 2;

interface Write {
  readonly path: string;
  readonly bytes: Buffer;
  /** Length of the file before it. */
  readonly from: number;
}

export interface DayFilesOptions {
  /** Made when the first line is written. */
  readonly folder: string;
  /** `disk`: synced after each append. */
  readonly durability: 'process' | 'disk';
}

export interface Appended {
  /** The lines that are not in the file, whole; empty when all are. */
  readonly rest: Buffer;
  /** Why the lines that are could not be synced. */
  readonly syncError: unknown;
}

/** One append at a time. No file stays open between two: others may move or remove it. */
export class DayFiles {
  readonly #options: DayFilesOptions;
  #write: Write | undefined;
  #hasSettled = false;

  constructor(options: DayFilesOptions) {
    this.#options = options;
  }

  /**
   * Adds lines to the file of a day.
   * @param bytes whole lines
   * @throws what the file system says; none of the lines is in it then
   */
  async append(day: string, bytes: Buffer): Promise<Appended> {
    const path = join(this.#options.folder, fileOfDay(day));
    const handle = await this.#open(path);
    try {
      const { size } = checkFile(path, await handle.stat());
      const isTorn = size > 0 && !isNewline((await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer);
      const written = isTorn ? Buffer.concat([NEWLINE, bytes]) : bytes;

      if (this.#hasSettled) return { rest: bytes, syncError: undefined };
      this.#write = { path, bytes, from: size };
      const { bytesWritten } = await handle.write(written).finally(() => {
        this.#write = undefined;
      });
      const after = await handle.stat();
      const rest =
        after.nlink === 0 ? bytes : missing(handle.fd, after.size, bytes, { from: size, length: written.length, bytesWritten });
      // In the file they are, and not to be written again, whatever the disk says.
      const syncError = this.#options.durability === 'disk' ? await settled(handle.datasync()) : undefined;
      return { rest, syncError };
    } finally {
      await handle.close().catch(() => {});
    }
  }

  /** As `append`, for the moment before the process ends. @returns the lines that are not in the file */
  appendSync(day: string, bytes: Buffer): Buffer {
    const path = join(this.#options.folder, fileOfDay(day));
    mkdirSync(this.#options.folder, { recursive: true, mode: FOLDER_MODE });
    const fd = openSync(path, FLAGS, FILE_MODE);
    try {
      const { size } = checkFile(path, fstatSync(fd));
      const last = Buffer.alloc(1);
      const isTorn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && !isNewline(last);
      const written = isTorn ? Buffer.concat([NEWLINE, bytes]) : bytes;
      const bytesWritten = writeSync(fd, written);
      const rest = missing(fd, fstatSync(fd).size, bytes, { from: size, length: written.length, bytesWritten });
      if (this.#options.durability === 'disk') fsyncSync(fd);
      return rest;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * For the moment before the process ends: waits for the append that has begun to write, and whose promise will never be heard of. None
   * that has not begun will.
   * @returns its lines that are not in the file; undefined when nothing has begun to write
   */
  settleSync(): Buffer | undefined {
    const write = this.#write;
    this.#hasSettled = true;
    if (write === undefined) return undefined;
    const sleep = new Int32Array(new SharedArrayBuffer(4));
    const deadlineMs = performance.now() + SETTLE_MS;
    let rest = write.bytes;
    while (rest.length > 0 && performance.now() < deadlineMs) {
      Atomics.wait(sleep, 0, 0, POLL_MS);
      rest = missingOf(write);
    }
    return rest;
  }

  async #open(path: string): Promise<FileHandle> {
    try {
      return await open(path, FLAGS, FILE_MODE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await mkdir(this.#options.folder, { recursive: true, mode: FOLDER_MODE });
    return open(path, FLAGS, FILE_MODE);
  }
}

/** @returns why it was rejected; undefined when it was not */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function checkFile<S extends { isFile(): boolean }>(path: string, stat: S): S {
  if (!stat.isFile()) throw new Error(`${path} is no file`);
  return stat;
}

function isNewline(bytes: Buffer): boolean {
  return bytes[0] === NEWLINE[0];
}

/** What of an append is not in the file: nothing, unless it was cut short or others wrote at the same time. */
function missing(
  fd: number,
  size: number,
  bytes: Buffer,
  { from, length, bytesWritten }: { from: number; length: number; bytesWritten: number },
): Buffer {
  if (bytesWritten === length && size === from + length) return NOTHING;
  // Somebody has emptied it meanwhile, and has what was in it.
  if (size < from) return NOTHING;
  return missingLines(fd, from, bytes);
}

function missingOf({ path, bytes, from }: Write): Buffer {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return missingLines(fd, from, bytes);
    } finally {
      closeSync(fd);
    }
  } catch {
    return bytes;
  }
}

/**
 * Those of `bytes` that are no whole line of the file from `from` on, in their order. Each is known by its id, which it begins with, by the
 * process, which it ends with, and by its length: what it says of a person may have been erased meanwhile, in place.
 */
export function missingLines(fd: number, from: number, bytes: Buffer): Buffer {
  const lines = splitLines(bytes);
  const wanted = new Set(lines.map(keyOf));
  const chunk = Buffer.alloc(READ_BYTES);
  let carry = '';
  let at = from;
  for (let read = readSync(fd, chunk, 0, READ_BYTES, at); read > 0; read = readSync(fd, chunk, 0, READ_BYTES, at)) {
    at += read;
    const text = carry + chunk.toString('latin1', 0, read);
    const end = text.lastIndexOf('\n') + 1;
    for (const line of splitLines(text.slice(0, end))) wanted.delete(keyOf(line));
    carry = text.slice(end);
  }
  return Buffer.from(lines.filter((line) => wanted.has(keyOf(line))).join(''), 'latin1');
}

function keyOf(line: string): string {
  return `${line.length} ${line.slice(0, ID_LENGTH)} ${line.slice(-SOURCE_LENGTH)}`;
}

/** With their newlines, a character a byte. */
function splitLines(bytes: Buffer | string): string[] {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
  return text.split(/(?<=\n)/);
}
