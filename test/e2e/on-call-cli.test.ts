// keepwatch alerts silence, ack and deliveries, as who is on call uses them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { insertIncidents } from '../support/incidents.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startKeepwatch } from '../support/process.ts';

const FIRING = 'aaaaaaaa-0000-8000-8000-000000000001';
const PENDING = 'bbbbbbbb-0000-8000-8000-000000000001';
const ENDED = 'cccccccc-0000-8000-8000-000000000001';
const MESSAGE = 'dddddddd-0000-4000-8000-000000000001';

describe('keepwatch alerts silence, ack, deliveries', function () {
  this.timeout(240_000);
  let test: TestDatabase;
  let folder: string;
  before(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-on-call-'));
    await insertIncidents(test.database, { [FIRING]: 'firing', [PENDING]: 'pending', [ENDED]: 'ok' });
  });
  after(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(...args: readonly string[]): Promise<{ code: number | string; output: string }> {
    const started = startKeepwatch(['alerts', ...args], { cwd: folder, env: { DATABASE_URL: test.url } });
    return { code: await started.exited, output: started.output() };
  }
  async function refused(says: RegExp, ...args: readonly string[]): Promise<void> {
    const { code, output } = await run(...args);
    assert.equal(code, 2, output);
    assert.match(output, says);
  }

  it('makes a silence, shows what it mutes, lists it and ends it', async () => {
    const made = await run(
      'silence',
      'add',
      'alertname=R',
      'name=~"aaaa.*|bbbb.*"',
      '--for',
      '2h',
      '--comment',
      'deploy',
      '--by',
      'ana',
    );
    assert.equal(made.code, 0, made.output);
    const [, id = ''] =
      /^([\da-f-]{36}) holds until 20.*Z\n1 alert that fires now matches it:\nALERT +STATE +INCIDENT +LABELS\nR +firing +aaaaaaaa +name=aaaaaaaa\n$/.exec(
        made.output,
      ) ?? assert.fail(made.output);
    assert.match(
      (await run('silence', 'list')).output,
      /^ID +STATE .*\n[\da-f]{8} +active .* ana +\{alertname="R",name=~"aaaa\.\*\|bbbb\.\*"\} +deploy\n$/,
    );
    const json = JSON.parse((await run('silence', 'show', id.slice(0, 8), '--json')).output) as {
      id: string;
      mutes: object[];
      changes: { action: string }[];
    };
    assert.deepEqual([json.id, json.mutes.length, json.changes.map(({ action }) => action)], [id, 1, ['create']]);
    assert.match((await run('silence', 'expire', id.slice(0, 8))).output, new RegExp(`^${id} is over since 20`));
    assert.equal((await run('silence', 'list')).output, 'no silences\n');
    assert.match((await run('silence', 'show', id)).output, /expired[\s\S]*expire +2\n.*create +1\n$/);
  });

  it('says what is no silence', async () => {
    await refused(
      /matchers\[1\]: got "b="; expected a value at character 3, found the end/,
      'silence',
      'add',
      'a=b',
      'b=',
      '--for',
      '1h',
      '--comment',
      'x',
    );
    await refused(
      /--for: got nothing; allowed: --for with how long \(2h\), or --until with a time/,
      'silence',
      'add',
      'a=b',
      '--comment',
      'x',
    );
    await refused(/no silence has the id 00000000; keepwatch alerts silence list shows/, 'silence', 'expire', '00000000');
  });

  it('says who works on an incident, in the list too, and takes it back', async () => {
    const { code, output } = await run('ack', 'aaaaaaaa', '--by', 'ana', '--until', '2h', '--comment', 'looking');
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`^ana works on ${FIRING} until 20`));
    assert.match(
      (await run('list')).output,
      /R +firing +.* aaaaaaaa +ana +name=aaaaaaaa.*\nR +pending +.* bbbbbbbb +- +name=bbbbbbbb/,
    );
    assert.equal((await run('ack', 'aaaaaaaa', '--undo')).output, `nobody works on ${FIRING} any more\n`);
    await refused(/no incident with the id aaaaaaaa is acknowledged/, 'ack', 'aaaaaaaa', '--undo');
    await refused(/incident: cccccccc-.* is over since 20.*; allowed: one that is open/, 'ack', 'cccccccc');
    await refused(/no incident with the id eeeeeeee; keepwatch alerts list shows those that are open/, 'ack', 'eeeeeeee');
  });

  it('shows what became of messages', async () => {
    assert.equal((await run('deliveries')).output, 'no message was made in this time\n');
    await test.database.none(
      `insert into keepwatch.notification_outbox (id, incident_id, expires_at, reason, dedupe_key, receiver, group_name, rule, rule_uid, fingerprint,
         status, attempts, last_error, payload)
       values ($<id>, $<incident>, now(), 'firing', 'key', 'pager', 'g', 'R', 'g/R', '\\x00', 'dead', 1, 'no such host', '{"labels": {"alertname": "R", "name": "a"}}');
       insert into keepwatch.notification_attempt (message_id, attempt, outcome, duration_ms, answer) values ($<id>, 1, 'refused', 12, 'no such host')`,
      { id: MESSAGE, incident: FIRING },
    );
    assert.match(
      (await run('deliveries', '--status', 'dead', '--since', '1h')).output,
      /^ID .*\ndddddddd +20.*Z +pager +dead +1 +firing R +name=a +no such host\n$/,
    );
    const shown = await run('deliveries', 'show', 'dddddddd');
    assert.match(shown.output, / 1 +20.*Z +refused +12 ms +no such host\n\n\{\n {2}"labels": \{/);
    const json = JSON.parse((await run('deliveries', 'show', MESSAGE, '--json')).output) as { attempt_log: unknown[] };
    assert.equal(json.attempt_log.length, 1);
    await refused(/no message has the id 00000000/, 'deliveries', 'show', '00000000');
  });
});
