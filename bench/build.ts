// Compiles the contenders with the compiler of the package. Under a transpiling loader their own code would carry its helpers (kept
// names), while that of the peers, which comes compiled, would not.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** @returns the folder of the compiled code, below the package so that its modules resolve, and how to remove it */
export function buildContenders(): { folder: string; remove: () => void } {
  const parent = join(PACKAGE, '.keepwatch');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const tsc = join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc');
  const built = spawnSync(process.execPath, [tsc, '-p', join(PACKAGE, 'bench', 'tsconfig.json'), '--outDir', folder], {
    encoding: 'utf8',
  });
  if (built.status !== 0) {
    remove();
    throw new Error(`the benchmark does not compile: ${built.stdout}${built.stderr}`);
  }
  return { folder, remove };
}
