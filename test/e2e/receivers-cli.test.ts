// keepwatch alerts receivers and send-test, as a person uses them: without a database, and without a secret on the screen.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTING_KEY } from '../support/pagerduty.ts';
import { startKeepwatch } from '../support/process.ts';
import { startTestWebhookReceiver, type TestWebhookReceiver } from '../support/webhook-receiver.ts';

describe('keepwatch alerts receivers, send-test', function () {
  this.timeout(60_000);
  let folder: string;
  let receiver: TestWebhookReceiver;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-receivers-'));
    receiver = await startTestWebhookReceiver();
    writeFileSync(join(folder, 'key'), `${ROUTING_KEY}\n`);
    writeFileSync(
      join(folder, 'keepwatch.yaml'),
      [
        'receivers:',
        '  - name: hook',
        '    webhook: { url: { env: HOOK_URL }, allow_private: true, allow_plaintext: true }',
        '  - name: pager',
        '    pagerduty: { routing_key: { file: key } }',
        '  - { name: screen, console: {} }',
        '',
      ].join('\n'),
    );
  });
  after(async () => {
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(...args: readonly string[]): Promise<{ code: number | string; output: string }> {
    const env = { HOOK_URL: `${receiver.url}/s3cret` };
    const started = startKeepwatch(['alerts', ...args], { cwd: folder, env });
    const code = await started.exited;
    assert.doesNotMatch(started.output(), new RegExp(`s3cret|${ROUTING_KEY}`));
    return { code, output: started.output() };
  }

  it('lists names, kinds and addresses', async () => {
    const { code, output } = await run('receivers', '--json');
    assert.equal(code, 0, output);
    assert.deepEqual(JSON.parse(output), [
      { name: 'hook', kind: 'webhook', address: new URL(receiver.url).origin, sendResolved: true },
      { name: 'pager', kind: 'pagerduty', address: 'https://events.pagerduty.com', sendResolved: true },
      { name: 'screen', kind: 'console', address: 'the log', sendResolved: true },
    ]);
    assert.match((await run('receivers')).output, /^RECEIVER +KIND +ADDRESS\nhook +webhook +http:/);
  });

  it('sends a test, and exits with 1 when it is not taken', async () => {
    const taken = await run('send-test', 'hook');
    assert.equal(taken.code, 0, taken.output);
    assert.match(taken.output, /^firing +delivered +the receiver answered 200: \{\}$/m);
    assert.equal(receiver.received[0]?.body.alerts[0]?.labels['alertname'], 'KeepwatchTest');
    receiver.answer = 503;
    const refused = await run('send-test', 'hook', '--json');
    assert.equal(refused.code, 1);
    assert.deepEqual(JSON.parse(refused.output), {
      receiver: 'hook',
      deliveries: [{ reason: 'firing', outcome: 'retry', answer: 'the receiver answered 503: {}' }],
    });
    assert.match((await run('send-test', 'screen')).output, /\[FIRING\] KeepwatchTest .*This is a test of the receiver screen/);
  });

  it('says which receivers there are', async () => {
    const { code, output } = await run('send-test', 'pagr');
    assert.deepEqual(
      [code, output.trim()],
      [2, 'keepwatch: send-test: there is no receiver "pagr"; allowed: hook, pager, screen'],
    );
  });
});
