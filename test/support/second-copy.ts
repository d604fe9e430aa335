// A second copy of the package in this process: its sources, in a folder of their own, so that none of its modules is one of ours.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface SecondCopy {
  /** Imports a module of the copy, named from the root of the repository. */
  load<M>(path: string): Promise<M>;
  remove(): void;
}

/** The copy finds third parties where we do, as an installed package and a bundle of it would. */
export function createSecondCopy(): SecondCopy {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-copy-'));
  mkdirSync(join(folder, 'src'));
  for (const path of ['src', 'package.json', 'tsconfig.json']) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return {
    load: async <M>(path: string) => (await import(pathToFileURL(join(folder, path)).href)) as M,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
