import assert from 'node:assert/strict';
import { createConsoleNotifier } from '../../../../src/alerts/receivers/console.ts';
import type { Logger } from '../../../../src/logger.ts';
import { createAlert, createGroupMessage, createMessage, INCIDENT } from '../../../support/receivers.ts';

describe('the receiver console', () => {
  const lines: { readonly level: string; readonly text: string; readonly fields: object }[] = [];
  const write = (level: string) => (fields: object, text: string) => lines.push({ level, text, fields });
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const context = { name: 'log', externalUrl: 'https://keepwatch.example', now: () => 0 };
  const receiver = createConsoleNotifier(context, logger);
  const said = () => lines.map(({ level, text }) => `${level} ${text}`);
  beforeEach(() => lines.splice(0));

  it('writes a line for an alert', async () => {
    await receiver.send(createMessage());
    assert.deepEqual(said(), ['warn [FIRING] HighErrorRate {service="shop"} shop: 50% failed']);
    assert.deepEqual(lines[0]?.fields, {
      receiver: 'log',
      incident_id: INCIDENT,
      trace_ids: ['4bf92f3577b34da6a3ce929d0e0e4736'],
      why: `https://keepwatch.example/api/v1/alerts/history?incident=${INCIDENT}&from=2026-01-01T00%3A00%3A00.000Z`,
    });
  });

  it('writes a line for a group, and one for each of its alerts', async () => {
    await receiver.send(createGroupMessage([createAlert('shop'), createAlert('post', { status: 'resolved' })]));
    assert.deepEqual(said(), [
      'warn [FIRING:1, RESOLVED:1] HighErrorRate {severity="warning"}: new alerts added',
      'warn [FIRING] HighErrorRate {service="shop"} shop: 50% failed',
      'info [RESOLVED] HighErrorRate {service="post"} post: 50% failed',
    ]);
    assert.deepEqual(lines[0]?.fields, { receiver: 'log', incident_id: INCIDENT, firing: 1, resolved: 1 });
  });

  it('is information when nothing fires any more', async () => {
    await receiver.send(createGroupMessage(['a', 'b'].map((name) => createAlert(name, { status: 'resolved' }))));
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['info', 'info', 'info'],
    );
  });

  it('writes no more than 21 lines, and counts the others', async () => {
    await receiver.send(createGroupMessage(Array.from({ length: 100 }, (_, index) => createAlert(`s${index}`))));
    assert.equal(lines.length, 21);
    assert.match(said()[0] ?? '', /\(not shown: 80 more firing alerts\)$/);
  });
});
