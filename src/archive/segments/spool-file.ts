// Reads files of the spool, whatever somebody has put there: never follows a link, never waits at a pipe, never reads more than is allowed.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { describeError, KeepwatchError } from '../../errors.ts';

/** No file of a folder is longer than this that says whose it is. */
export const MAX_SOURCE_FILE_BYTES = 65_536;
/** Errors that speak of the file and not of the moment: a link or a loop of them, a socket, no permission, a broken disk. */
const OF_THE_FILE = new Set(['ELOOP', 'EMLINK', 'ENXIO', 'ENODEV', 'EOPNOTSUPP', 'EACCES', 'EPERM', 'EIO', 'EISDIR', 'EINVAL']);

/**
 * The bytes of a regular file.
 * @param allocate memory of this many bytes or more, to read them into
 * @returns undefined when it is not there
 * @throws KeepwatchError ERR_SEGMENT_INVALID when it is something else, longer than `maxBytes`, or cannot be read; what the file system
 *   says of itself (no memory, too many open files)
 */
export async function readSpoolFile(
  path: string,
  maxBytes: number,
  allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow,
): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw invalid(`it is ${stats.isDirectory() ? 'a folder' : 'no regular file'}`);
    if (stats.size > maxBytes) throw invalid(`it has ${stats.size} bytes, and ours have at most ${maxBytes}`);
    return await readWhole(file, stats.size, allocate(stats.size));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (OF_THE_FILE.has(code)) throw invalid(`it cannot be read: ${describeError(error)}`, error);
    throw error;
  } finally {
    await file?.close();
  }
}

/** It may be growing, or be cut, meanwhile. */
async function readWhole(file: FileHandle, size: number, bytes: Buffer): Promise<Buffer> {
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

function invalid(what: string, cause?: unknown): KeepwatchError {
  return new KeepwatchError('ERR_SEGMENT_INVALID', what, { cause });
}
