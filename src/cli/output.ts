// Where an export goes: stdout, or a file that has its name only when it is whole. Compressed on the way if wanted.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { describeError, KeepwatchError } from '../errors.ts';

export interface Output {
  /** Resolves when there is room for more. @throws what the file system says; EPIPE when the reader has seen enough */
  write(bytes: Buffer): Promise<void>;
  /** All is written: the file gets its name. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Never rejects. */
  abandon(): Promise<void>;
}

export interface OutputOptions {
  /** Default: stdout. */
  readonly file: string | undefined;
  readonly gzip: boolean;
  /** A file that is there may be replaced. */
  readonly force: boolean;
}

/** @throws KeepwatchError ERR_USAGE when the file is there already, or cannot be made */
export async function openOutput({ file, gzip, force }: OutputOptions): Promise<Output> {
  if (file === undefined) return streamTo(process.stdout, gzip, { isShared: true });
  if (!force && existsSync(file)) throw existsAlready(file);
  const temporary = `${file}.partial-${randomBytes(4).toString('hex')}`;
  const handle = await open(temporary, 'wx').catch((cause: unknown) => {
    throw new KeepwatchError('ERR_USAGE', `--output: "${file}" cannot be written: ${describeError(cause)}`, { cause });
  });
  const output = streamTo(createWriteStream('', { fd: handle.fd, autoClose: false }), gzip, { isShared: false });
  const abandon = async () => {
    await output.abandon();
    await handle.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
  };
  return {
    write: output.write,
    async finish() {
      try {
        await output.finish();
        await handle.sync();
        await handle.close();
        await (force ? rename(temporary, file) : renameNew(temporary, file));
      } catch (error) {
        await abandon();
        throw error;
      }
    },
    abandon,
  };
}

function existsAlready(file: string, cause?: unknown): KeepwatchError {
  return new KeepwatchError('ERR_USAGE', `--output: "${file}" is there already; allowed: a new name, or --force to replace it`, {
    cause,
  });
}

/** Never replaces a file, one that was made meanwhile neither. */
async function renameNew(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw existsAlready(file, error);
    if (existsSync(file)) throw existsAlready(file, error);
    return rename(temporary, file); // a file system without links
  }
  await rm(temporary);
}

function streamTo(target: Writable, gzip: boolean, { isShared }: { isShared: boolean }): Output {
  const head = gzip ? createGzip() : new PassThrough();
  const stop = new AbortController();
  const done = pipeline(head, target, { signal: stop.signal, end: !isShared });
  done.catch(() => {}); // whoever writes hears of it
  return {
    async write(bytes) {
      if (!head.write(bytes)) await Promise.race([once(head, 'drain'), done]);
    },
    async finish() {
      head.end();
      await done;
    },
    async abandon() {
      stop.abort();
      await done.catch(() => {});
    },
  };
}
