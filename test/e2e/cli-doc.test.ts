// docs/cli.md: each of its examples runs, in the order in which they stand there.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { KEEPWATCH_IN_SHELL, startProcess } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
const EXAMPLES = [...PAGE.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? '').trim().split('\n'));

describe('docs/cli.md', function () {
  this.timeout(240_000);
  let test: TestDatabase;
  let folder: string;
  before(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-cli-doc-'));
    const line =
      '{"name":"build","started_at":"2024-11-20T10:00:00","ended_at":"2024-11-20T10:00:01.5","duration_ms":1500,"status":"success"}';
    mkdirSync(join(folder, '.metrics'));
    writeFileSync(join(folder, '.metrics/2026-11-20.jsonl'), `${line}\n`);
    mkdirSync(join(folder, 'rules'));
    const rule = 'groups: [{ name: chat, rules: [{ alert: ChatFails, error_rate: { type: api, above: 10% } }] }]';
    writeFileSync(join(folder, 'rules/chat.yaml'), `${rule}\n`);
  });
  after(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has examples that do what they say', async () => {
    assert.ok(EXAMPLES.length >= 8);
    for (const example of EXAMPLES) {
      const command = `set -o pipefail; keepwatch() { ${KEEPWATCH_IN_SHELL} "$@"; }; ${example}`;
      const ran = startProcess('bash', ['-c', command], { cwd: folder, env: { DATABASE_URL: test.url } });
      assert.equal(await ran.exited, 0, `${example}\n${ran.output()}`);
      if (example.includes('.metrics/')) assert.match(ran.output(), /2026-11-20\.jsonl: 1 event imported/);
    }
  });
});
