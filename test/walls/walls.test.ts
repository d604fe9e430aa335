// The walls between the rooms hold: each planted offender is refused by the tool and the rule that its first line names.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const OFFENDERS = fileURLToPath(new URL('./offenders', import.meta.url));
const CONFIGURATION = ['biome.json', '.oxlintrc.json', 'lint', 'package.json', 'tsconfig.json'];

/** `src/archive/prints.ts: biome lint/suspicious/noConsole` */
type Refusal = string;

/** Too long to keep: made here. A line more than is allowed in each. */
const LONG_FILES: Record<string, { rule: string; text: string }> = {
  'src/archive/long-file.ts': { rule: 'biome lint/style/noExcessiveLinesPerFile', text: lines(401) },
  'test/unit/long-file.ts': { rule: 'biome lint/style/noExcessiveLinesPerFile', text: lines(501) },
  'src/archive/long-function.ts': {
    rule: 'biome lint/complexity/noExcessiveLinesPerFunction',
    text: `export function long(): void {\n${'  void 0;\n'.repeat(61)}}\n`,
  },
};

function lines(count: number): string {
  return Array.from({ length: count }, (_, index) => `export const line${index} = ${index};\n`).join('');
}

describe('walls', function () {
  this.timeout(120_000);
  let folder: string;
  let refusals: ReadonlySet<Refusal>;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-walls-'));
    cpSync(OFFENDERS, folder, { recursive: true });
    for (const name of CONFIGURATION) cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true });
    symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
    for (const [file, { text }] of Object.entries(LONG_FILES)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    refusals = new Set((await Promise.all([runBiome(folder), runOxlint(folder), runTypeScript(folder)])).flat());
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const file of offenders()) {
    const rule = /^\/\/ Refused by: (.+)$/m.exec(readFileSync(join(OFFENDERS, file), 'utf8'))?.[1];
    it(`refuses ${file} by ${rule}`, () => expectRefusal(`${file}: ${rule}`));
  }
  for (const [file, { rule }] of Object.entries(LONG_FILES)) {
    it(`refuses ${file} by ${rule}`, () => expectRefusal(`${file}: ${rule}`));
  }

  it('has nothing against the real tree', async () => {
    assert.deepEqual((await Promise.all([runBiome(REPOSITORY), runOxlint(REPOSITORY)])).flat(), []);
  });

  function expectRefusal(refusal: Refusal): void {
    const file = refusal.slice(0, refusal.indexOf(':'));
    assert.ok(
      refusals.has(refusal),
      `expected ${refusal}; got ${[...refusals].filter((other) => other.startsWith(file)).join('; ')}`,
    );
  }
});

function offenders(): string[] {
  return readdirSync(OFFENDERS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
}

async function runBiome(cwd: string): Promise<Refusal[]> {
  const flags = ['lint', '--reporter=json', '--max-diagnostics=none', ...(cwd === REPOSITORY ? [] : ['--vcs-enabled=false'])];
  const report = JSON.parse(await run(cwd, 'biome', [...flags, '.'])) as {
    diagnostics: { severity: string; category: string; location: { path: string } }[];
  };
  const refused = report.diagnostics.filter(({ severity }) => severity === 'error');
  return refused.map(({ category, location }) => `${location.path}: biome ${category}`);
}

async function runOxlint(cwd: string): Promise<Refusal[]> {
  const folders = ['src', 'demo', 'bench', 'test'];
  const report = JSON.parse(await run(cwd, 'oxlint', ['--type-aware', '--format=json', ...folders])) as {
    diagnostics: { code: string; filename: string }[];
  };
  return report.diagnostics.map(({ code, filename }) => `${filename}: oxlint ${code}`);
}

async function runTypeScript(cwd: string): Promise<Refusal[]> {
  const printed = await run(cwd, 'tsc', ['-p', 'tsconfig.json', '--noEmit', '--pretty', 'false']);
  return [...printed.matchAll(/^(\S+)\(\d+,\d+\): error (TS\d+):/gm)].map(([, file, code]) => `${file}: tsc ${code}`);
}

/** What the tool prints; that it exits with an error is the point. */
function run(cwd: string, tool: string, flags: string[]): Promise<string> {
  const file = join(REPOSITORY, 'node_modules', '.bin', tool);
  return new Promise((done) => {
    execFile(file, flags, { cwd, maxBuffer: 50e6 }, (_, stdout) => done(stdout));
  });
}
