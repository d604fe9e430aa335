// Builds dist/ from scratch: a file removed from src/ must not live on in the package.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
const tsc = new URL('../node_modules/typescript/bin/tsc', import.meta.url).pathname;
const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: new URL('..', import.meta.url).pathname,
  stdio: 'inherit',
});
process.exit(built.status ?? 1);
