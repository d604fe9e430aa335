// A failure burst through the whole product: an app that archives, `keepwatch serve` that evaluates and is killed while firing, a receiver.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Notification, startWebhookReceiver, type WebhookReceiver } from '../../demo/webhook-receiver.ts';
import { createTestDatabase, freePort, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startKeepwatch, startProgram } from '../support/process.ts';
import { rulesUrlOf } from '../support/rules-role.ts';
import { waitFor } from '../support/wait-for.ts';

const BURST_RULES = new URL('../../demo/rules/burst.yaml', import.meta.url).pathname;

describe('a failure burst, with the evaluator killed while firing', () => {
  let test: TestDatabase;
  let folder: string;
  let receiver: WebhookReceiver;
  let app: RunningProcess;
  let serve: RunningProcess;
  let servePort: number;
  let appPort: number;
  const requests = new Set<Promise<unknown>>();
  let timer: NodeJS.Timeout;
  let share = 0;

  before(async function () {
    this.timeout(90_000);
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-alerts-'));
    receiver = await startWebhookReceiver();
    writeFileSync(
      join(folder, 'keepwatch.yaml'),
      `receivers: [{ name: test, webhook: { url: "${receiver.webhookUrl}", allow_private: true, allow_plaintext: true } }]\n`,
    );
    servePort = await freePort();
    app = startProgram('test/e2e/programs/app.ts', [], { env: environment('app') });
    appPort = Number((await app.printed(/listening on (\d+)/))[1]);
    await startServe();
    timer = setInterval(sendRequest, 25);
  });
  after(async function () {
    this.timeout(60_000);
    clearInterval(timer);
    await Promise.all(requests);
    await serve?.end();
    await app?.end();
    await receiver?.stop();
    await test?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  function environment(name: string): NodeJS.ProcessEnv {
    return { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: join(folder, name), KEEPWATCH_LOG_LEVEL: 'warn' };
  }

  async function startServe(): Promise<void> {
    const rulesUrl = await rulesUrlOf(test);
    const env = {
      ...environment('serve'),
      KEEPWATCH_RULES: BURST_RULES,
      KEEPWATCH_ALERTS_DATABASE_URL: rulesUrl,
      KEEPWATCH_PORT: String(servePort),
    };
    serve = startKeepwatch(['serve'], { cwd: folder, env });
    await serve.printed(/listening on/);
  }

  let sent = 0;
  function sendRequest(): void {
    const path = (sent++ % 10) / 10 < share ? '/work/1?fail' : '/work/1';
    const request = fetch(`http://127.0.0.1:${appPort}${path}`).then((response) => response.arrayBuffer());
    requests.add(request);
    void request.finally(() => requests.delete(request));
  }

  /** The states of HighErrorRate as the API tells them. */
  async function states(): Promise<string[]> {
    const response = await fetch(`http://127.0.0.1:${servePort}/api/v1/alerts`);
    const body = (await response.json()) as { data: { alerts: { state: string; labels: { alertname: string } }[] } };
    return body.data.alerts.filter((alert) => alert.labels.alertname === 'HighErrorRate').map((alert) => alert.state);
  }

  const received = (status: Notification['status']) =>
    receiver.notifications.filter((notification) => notification.status === status);

  it('goes pending, firing, resolved, and notifies once of each', async function () {
    this.timeout(180_000);
    await waitFor(async () => (await states()).length === 0, { timeoutMs: 30_000, what: 'nothing to be pending' });
    share = 0.5;
    await waitFor(async () => (await states()).includes('pending'), { timeoutMs: 40_000, what: 'HighErrorRate to be pending' });
    assert.equal(receiver.notifications.length, 0, 'pending notifies nobody');
    await waitFor(async () => (await states()).includes('firing'), { timeoutMs: 40_000, what: 'HighErrorRate to fire' });
    await waitFor(() => received('firing').length === 1, { timeoutMs: 20_000, what: 'the notification of firing' });

    const sent = () => test.database.oneOrNone("select 1 from keepwatch.notification_outbox where status = 'sent'");
    await waitFor(sent, { timeoutMs: 20_000, what: 'the outbox to know that it is delivered' });

    await serve.end('SIGKILL');
    await startServe();
    const slots = async () =>
      Number(
        (
          await test.database.one<{ slots: string }>(
            "select count(*) as slots from keepwatch.alert_evaluation where outcome = 'ok'",
          )
        ).slots,
      );
    const before = await slots();
    await waitFor(async () => (await slots()) >= before + 3, { timeoutMs: 40_000, what: 'three more evaluations' });
    assert.deepEqual(await states(), ['firing'], 'still firing after the restart');

    share = 0;
    await waitFor(() => received('resolved').length === 1, { timeoutMs: 60_000, what: 'the notification of resolved' });
    await waitFor(async () => (await slots()) >= before + 6, { timeoutMs: 40_000, what: 'more evaluations' });
    assert.deepEqual(
      receiver.notifications.map((notification) => [notification.status, notification.alerts[0]?.labels['alertname']]),
      [
        ['firing', 'HighErrorRate'],
        ['resolved', 'HighErrorRate'],
      ],
    );
    const transitions = await test.database.any<{ change: string }>(
      "select from_state || ' -> ' || to_state as change from keepwatch.alert_transition where rule = 'HighErrorRate' order by id",
    );
    assert.deepEqual(
      transitions.map((row) => row.change),
      ['ok -> pending', 'pending -> firing', 'firing -> ok'],
    );
  });
});
