import assert from 'node:assert/strict';
import { describeAlert, startWebhookReceiver, type WebhookReceiver } from '../../../demo/webhook-receiver.ts';

const alert = {
  status: 'firing' as const,
  labels: { severity: 'warning', alertname: 'HighErrorRate', name: 'POST /chat' },
  annotations: { summary: '45 % of 120 requests failed' },
  startsAt: '2026-11-20T14:03:00Z',
  endsAt: '0001-01-01T00:00:00Z',
};

describe('describeAlert', () => {
  const at = new Date(2026, 10, 20, 14, 3, 5);

  it('is one line: time, status, name, labels, summary', () => {
    const line = '14:03:05 FIRING HighErrorRate {name="POST /chat", severity="warning"} 45 % of 120 requests failed';
    assert.equal(describeAlert(alert, at), line);
  });

  it('keeps control characters away from the terminal', () => {
    const line = describeAlert({ ...alert, annotations: { summary: 'a\u001b[2Jb\nc' } }, at);
    assert.equal(line.slice(-9), 'a [2Jb c'.padStart(9));
  });
});

describe('startWebhookReceiver', () => {
  let receiver: WebhookReceiver;
  const lines: string[] = [];

  beforeEach(async () => {
    lines.length = 0;
    receiver = await startWebhookReceiver({ print: (line) => lines.push(line), now: () => new Date(2026, 10, 20, 14, 3, 5) });
  });
  afterEach(() => receiver.stop());

  async function post(body: string, url = receiver.webhookUrl): Promise<number> {
    const response = await fetch(url, { method: 'POST', body });
    await response.text();
    return response.status;
  }

  it('prints each alert of a notification and keeps it', async () => {
    const notification = { version: '4', receiver: 'demo', status: 'firing', alerts: [alert, { ...alert, status: 'resolved' }] };
    assert.equal(await post(JSON.stringify(notification)), 200);
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(0, 3).join(' ')),
      ['14:03:05 FIRING HighErrorRate', '14:03:05 RESOLVED HighErrorRate'],
    );
    assert.deepEqual(receiver.notifications, [notification]);
  });

  it('refuses what is no notification', async () => {
    const withoutLabels = '{"alerts":[{"status":"firing","labels":null}]}';
    const bodies = [
      '',
      '{',
      'null',
      '{"alerts":1}',
      '{"alerts":[{"status":"maybe"}]}',
      withoutLabels,
      `{"alerts":[${' '.repeat(1_000_001)}]}`,
    ];
    for (const body of bodies) assert.equal(await post(body), 400, body.slice(0, 30));
    assert.equal(await post('{}', `${receiver.url}/elsewhere`), 404);
    assert.deepEqual(receiver.notifications, []);
  });
});
