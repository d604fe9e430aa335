// One segment while it is written: opened, appended to at known positions, sealed or given up. Every write says where it goes, so that
// `appendSync` at the end of the process may write again what a write under way was about to write.
import {
  close,
  fdatasync,
  fsync,
  fsyncSync,
  ftruncate,
  open,
  openSync,
  read,
  rename,
  renameSync,
  unlink,
  write,
  writeFileSync,
  writeSync,
  writev,
} from 'node:fs';
import { promisify } from 'node:util';
import { encodeSegmentHeader, finishBlock, type SegmentHeader } from '../segments/segment-format.ts';
import { segmentPath } from './spool-folder.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fsync);
const syncData = promisify(fdatasync);
const renameFile = promisify(rename);
const writeAt = promisify(write);
const writeBlocksAt = promisify(writev);
const readAt = promisify(read);
const truncateFile = promisify(ftruncate);
const unlinkFile = promisify(unlink);
const FILE_MODE = 0o600;

export class SegmentFile {
  readonly segment: number;
  readonly #folder: string;
  readonly #header: SegmentHeader;
  readonly #fd: number;
  readonly #seed: number;
  #bytes: number;
  #blocks = 0;
  /** A number that was closed may be another file's already: it is never used again. */
  #isOpen = true;

  private constructor(folder: string, header: SegmentHeader, fd: number, bytes: number, seed: number) {
    this.segment = header.segment;
    this.#folder = folder;
    this.#header = header;
    this.#fd = fd;
    this.#bytes = bytes;
    this.#seed = seed;
  }

  /** Makes the file and writes its header. @throws what the file system says; nothing stays open then */
  static async open(folder: string, header: SegmentHeader): Promise<SegmentFile> {
    const { bytes, seed } = encodeSegmentHeader(header);
    const path = segmentPath(folder, header.lane, header.segment, 'open');
    const fd = await openFile(path, 'wx+', FILE_MODE);
    try {
      await writeAll(fd, bytes, 0);
    } catch (error) {
      await closeFile(fd).catch(() => {});
      await unlinkFile(path).catch(() => {});
      throw error;
    }
    return new SegmentFile(folder, header, fd, bytes.length, seed);
  }

  /** As `open`, for the moment before the process ends. */
  static openSync(folder: string, header: SegmentHeader): SegmentFile {
    const { bytes, seed } = encodeSegmentHeader(header);
    const fd = openSync(segmentPath(folder, header.lane, header.segment, 'open'), 'wx', FILE_MODE);
    writeAllSync(fd, bytes, 0);
    return new SegmentFile(folder, header, fd, bytes.length, seed);
  }

  /** Length of what is known to be written whole. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds blocks behind what is there. When it rejects, none of them counts as written. */
  async append(blocks: readonly Buffer[]): Promise<void> {
    blocks.forEach((block, index) => {
      finishBlock(block, this.#blocks + index + 1, this.#seed);
    });
    await writeAllBlocks(this.#fd, blocks, this.#bytes);
    this.#bytes += lengthOf(blocks);
    this.#blocks += blocks.length;
  }

  /** As `append`, and waits for the disk; for the moment before the process ends. */
  appendSync(blocks: readonly Buffer[]): void {
    for (const block of blocks) {
      finishBlock(block, this.#blocks + 1, this.#seed);
      writeAllSync(this.#fd, block, this.#bytes);
      this.#bytes += block.length;
      this.#blocks++;
    }
    fsyncSync(this.#fd);
  }

  /** Waits until what was appended is on the disk. */
  async sync(): Promise<void> {
    await syncData(this.#fd);
  }

  /** Ends the segment with its last blocks: on the disk, under its final name, and the name on the disk too. */
  async seal(lastBlocks: readonly Buffer[]): Promise<void> {
    await this.append(lastBlocks);
    await syncFile(this.#fd);
    await this.#publish();
    this.#isOpen = false;
    await closeFile(this.#fd);
  }

  /**
   * Ends the segment after a write failed: what was written whole stays readable, and nothing more is added. A descriptor on which an
   * fsync failed is never synced again: the kernel may have forgotten what it could not write.
   * @throws what the file system says when the segment is lost
   */
  async abandon(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await truncateFile(this.#fd, this.#bytes).catch(() => {}); // the reader passes over a torn end
      await this.#publish().catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return this.#restore();
      });
    } finally {
      await closeFile(this.#fd).catch(() => {});
    }
  }

  async #publish(): Promise<void> {
    const { lane, segment } = this.#header;
    await renameFile(segmentPath(this.#folder, lane, segment, 'open'), segmentPath(this.#folder, lane, segment, 'seg'));
    await syncFolder(this.#folder);
  }

  /** Somebody removed the file (a folder for temporary files was tidied): as long as it is open, what it held can still be read. */
  async #restore(): Promise<void> {
    const bytes = Buffer.alloc(this.#bytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      ({ bytesRead: read } = await readAt(this.#fd, bytes, length, bytes.length - length, length));
    }
    await writeSegment(this.#folder, this.#header, bytes.subarray(0, length)); // others see it whole, or not at all
  }
}

/** Writes a whole segment, sealed. @throws what the file system says; no part of it stays, as far as the disk lets it go */
export async function writeSegment(
  folder: string,
  { lane, segment }: Pick<SegmentHeader, 'lane' | 'segment'>,
  bytes: Buffer,
): Promise<void> {
  const path = segmentPath(folder, lane, segment, 'open');
  try {
    await writeSynced(path, bytes);
    await renameFile(path, segmentPath(folder, lane, segment, 'seg'));
  } catch (error) {
    await unlinkFile(path).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
}

/** The same at once, for the moment before the process ends. */
export function writeSegmentSync(
  folder: string,
  { lane, segment }: Pick<SegmentHeader, 'lane' | 'segment'>,
  bytes: Buffer,
): void {
  const path = segmentPath(folder, lane, segment, 'open');
  writeFileSync(path, bytes, { mode: FILE_MODE, flush: true });
  renameSync(path, segmentPath(folder, lane, segment, 'seg'));
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const fd = await openFile(path, 'w', FILE_MODE);
  try {
    await writeAll(fd, bytes, 0);
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
}

/** Makes the names in a folder survive a power loss. */
export async function syncFolder(folder: string): Promise<void> {
  const fd = await openFile(folder, 'r');
  try {
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await writeAt(fd, bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Without copying them together. What a write leaves is written again from where it stopped. */
async function writeAllBlocks(fd: number, blocks: readonly Buffer[], position: number): Promise<void> {
  const length = lengthOf(blocks);
  let { bytesWritten: done } = await writeBlocksAt(fd, blocks, position);
  while (done < length) done += (await writeBlocksAt(fd, behind(blocks, done), position + done)).bytesWritten;
}

/** What follows the first `bytes` bytes of the blocks. */
function behind(blocks: readonly Buffer[], bytes: number): Buffer[] {
  let end = 0;
  return blocks.flatMap((block) => {
    end += block.length;
    return end > bytes ? [block.subarray(Math.max(0, block.length - (end - bytes)))] : [];
  });
}

function lengthOf(blocks: readonly Buffer[]): number {
  return blocks.reduce((sum, block) => sum + block.length, 0);
}

function writeAllSync(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
