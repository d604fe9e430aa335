// The files that say whose a folder in the spool is, changed so that the owner looks dead, or far away.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSource } from '../../../src/archive/spool/source.ts';

const { bootId, pidNamespace } = createSource({ service: '', instance: '', startedAtMs: 0 });
/** This process, as a source names it. */
export const OWN_HOST = { bootId, pidNamespace };

/** Folders of sources in a spool; none when it was never written to. */
export function sourceFolders(spoolDir: string): string[] {
  try {
    return readdirSync(spoolDir)
      .filter((name) => /^[0-9a-f]{16}$/.test(name))
      .map((name) => join(spoolDir, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Changes what a folder says of its owner. One that says nothing yet, or is on a disk that takes nothing, stays as it is. */
export function rewriteSource(folder: string, changes: object): void {
  const file = join(folder, 'source.json');
  try {
    const source = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(`${file}.chaos`, JSON.stringify({ ...source, ...changes }), { mode: 0o600 });
    renameSync(`${file}.chaos`, file);
  } catch (error) {
    const isExpected = ['ENOENT', 'ENOSPC', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (!(error instanceof SyntaxError) && !isExpected) throw error;
  }
}
