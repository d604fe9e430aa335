// Writes test/fixtures/archive-<commit>/: the archive as it was at a commit, one file and its SQL, for tests of old code beside new code.
// Run by hand, in a full clone: node --import tsx scripts/bundle-old-archive.ts 7b50b4e
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What tests call of it. */
const ENTRY = `
export { createArchive } from './src/archive/archive.ts';
export { closeDatabase, createDatabase } from './src/db/database.ts';
export { loadMigrations, migrate } from './src/db/migrate.ts';
`;
const SQL_FOLDERS = ['archive', 'db', 'migrations'];
const MAX_BYTES = 100_000;

const ROOT = join(import.meta.dirname, '..');
const [commit] = process.argv.slice(2);
if (commit === undefined) throw new Error('which commit?');
const tree = mkdtempSync(join(tmpdir(), 'keepwatch-old-'));
const target = join(ROOT, 'test', 'fixtures', `archive-${commit}`);
try {
  const tar = execFileSync('git', ['archive', commit, 'src', 'sql', 'package.json'], { cwd: ROOT, maxBuffer: 1e8 });
  execFileSync('tar', ['-x'], { cwd: tree, input: tar });
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  writeFileSync(join(tree, 'entry.ts'), ENTRY);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  // esbuild is what tsx works with; it is no dependency of ours.
  const fromTsx = createRequire(createRequire(import.meta.url).resolve('tsx'));
  const esbuild = fromTsx('esbuild') as { build(options: object): Promise<unknown> };
  await esbuild.build({
    entryPoints: [join(tree, 'entry.ts')],
    outfile: join(target, 'archive.mjs'),
    absWorkingDir: tree,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifyWhitespace: true,
    banner: { js: `// The archive at commit ${commit}, made by scripts/bundle-old-archive.ts: not to be edited.` },
  });
  for (const folder of SQL_FOLDERS) cpSync(join(tree, 'sql', folder), join(target, 'sql', folder), { recursive: true });
  const { size } = statSync(join(target, 'archive.mjs'));
  process.stdout.write(`${target}: ${size} bytes\n`);
  if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
} finally {
  rmSync(tree, { recursive: true, force: true });
}
