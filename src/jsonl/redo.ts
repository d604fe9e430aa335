// Overwrites bytes of a day file so that a crash amid it harms no line: what is going to be written is noted beside the file first, and done
// again by the next run. The note holds only what comes in the place of what is erased.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Overwrite } from './erase-line.ts';

const NOTE_FILE = /^erase-[0-9a-f]{16}\.redo$/;
const VALUE_BEGINS_BEHIND = /[:\s]/;
const VALUE_ENDS_BEFORE = /[,}\s]/;

interface Note {
  /** Name of the day file. */
  readonly file: string;
  readonly inode: string;
  readonly overwrites: readonly (readonly [at: number, length: number, text: string])[];
}

/** A day file that is open for reading and writing. */
export interface OpenDay {
  readonly path: string;
  readonly handle: FileHandle;
}

/** On the disk when it resolves. @throws what the file system says: a next run finishes it */
export async function overwriteSafely({ path, handle }: OpenDay, overwrites: readonly Overwrite[]): Promise<void> {
  const { ino } = await handle.stat({ bigint: true });
  const places = overwrites.map(({ at, length, text }) => [at, length, text] as const);
  const note: Note = { file: basename(path), inode: String(ino), overwrites: places };
  const notePath = join(path, '..', `erase-${randomBytes(8).toString('hex')}.redo`);
  const noteHandle = await open(notePath, 'wx', 0o600);
  try {
    await noteHandle.writeFile(JSON.stringify(note));
    await noteHandle.sync();
  } finally {
    await noteHandle.close();
  }
  await apply(handle, note);
  await rm(notePath, { force: true });
}

/** Finishes what runs that were cut off have begun. @throws what the file system says */
export async function finishOverwrites(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => NOTE_FILE.test(each))) {
    const notePath = join(folder, name);
    const note = parseNote(await readFile(notePath, 'utf8').catch(() => ''));
    // One that was not written whole was not begun.
    if (note !== undefined) await finish(folder, note);
    await rm(notePath, { force: true });
  }
}

function parseNote(text: string): Note | undefined {
  try {
    return JSON.parse(text) as Note;
  } catch {
    return undefined;
  }
}

async function finish(folder: string, note: Note): Promise<void> {
  const handle = await open(join(folder, basename(note.file)), 'r+').catch(() => undefined);
  if (handle === undefined) return; // retention has removed it
  try {
    const { ino } = await handle.stat({ bigint: true });
    if (String(ino) === note.inode && (await isUnmoved(handle, note))) await apply(handle, note);
  } finally {
    await handle.close();
  }
}

/** Around each place there is still what stands around a value: it is the same file, and not one that took its number. */
async function isUnmoved(handle: FileHandle, { overwrites }: Note): Promise<boolean> {
  for (const [at, length] of overwrites) {
    const before = await readUnit(handle, at - 1);
    const behind = await readUnit(handle, at + length);
    if (!VALUE_BEGINS_BEHIND.test(before) || !VALUE_ENDS_BEFORE.test(behind)) return false;
  }
  return true;
}

async function readUnit(handle: FileHandle, at: number): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, at);
  return buffer.toString('latin1', 0, bytesRead);
}

async function apply(handle: FileHandle, { overwrites }: Note): Promise<void> {
  for (const [at, length, text] of overwrites) {
    const bytes = Buffer.alloc(length, ' ');
    bytes.write(text);
    for (let done = 0; done < length; ) done += (await handle.write(bytes, done, length - done, at + done)).bytesWritten;
  }
  await handle.datasync();
}
