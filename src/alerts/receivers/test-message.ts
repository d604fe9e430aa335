// A message that says of itself that it is a test, so that a receiver can be tried through the code that alerts take.
import { randomUUID } from 'node:crypto';
import type { OutboxMessage } from './notifier.ts';

export const TEST_ALERT = 'KeepwatchTest';

/** Unlike any other: its incident and its id are new. */
export function createTestMessage(receiver: string, now: number): OutboxMessage {
  const at = new Date(now).toISOString();
  const incidentId = randomUUID();
  return {
    id: randomUUID(),
    thread: incidentId,
    attempts: 1,
    rule: TEST_ALERT,
    reason: 'firing',
    maybe_sent: false,
    reference: null,
    payload: {
      status: 'firing',
      reason: 'firing',
      group: 'test',
      labels: { alertname: TEST_ALERT, receiver, severity: 'info' },
      annotations: {
        summary: `This is a test of the receiver ${receiver}, sent on purpose. Nothing is wrong.`,
        description: 'Somebody has run `keepwatch alerts send-test`, or asked for it by the API.',
      },
      startsAt: at,
      endsAt: null,
      activeAt: at,
      slot: at,
      fingerprint: incidentId.replaceAll('-', '').padEnd(64, '0'),
      incidentId,
      value: 42,
      row: { value: 42 },
      context: [{ trace_id: '00000000000000000000000000000042', name: 'an example', duration_ms: 42 }],
      fireWhen: 'value > 41',
      forMs: 0,
      partial: false,
    },
  };
}

/** The end of what a test message began. */
export function resolveTestMessage({ payload, ...message }: OutboxMessage, now: number): OutboxMessage {
  const at = new Date(now).toISOString();
  const id = randomUUID();
  return {
    ...message,
    id,
    reason: 'resolved',
    payload: { ...payload, status: 'resolved', reason: 'resolved', endsAt: at },
  };
}
