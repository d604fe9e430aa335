import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describeGroup, fitLines, type GroupText } from '../../../../src/alerts/receivers/group-text.ts';
import { hostileGroup } from '../../../support/hostile-alert.ts';
import { createAlert, createGroupMessage, createMessage, PAYLOAD } from '../../../support/receivers.ts';

const URL = 'https://keepwatch.example';
const labels = (more: object) => ({ ...PAYLOAD.labels, ...more });

describe('describeGroup', () => {
  it('is for several alerts: one alone looks as it does without a group', () => {
    assert.equal(describeGroup(createMessage(), URL), undefined);
    assert.equal(describeGroup(createGroupMessage([createAlert('shop')]), URL), undefined);
    assert.ok(describeGroup(createGroupMessage([createAlert('shop'), createAlert('bank')]), URL));
  });

  it('says once what alerts have in common, and of each what it has not', () => {
    const alerts = [createAlert('shop'), createAlert('bank', { value: 0.25 }), createAlert('post', { status: 'resolved' })];
    const group = describeGroup(createGroupMessage(alerts), URL);
    assert.equal(group?.counts, '[FIRING:2, RESOLVED:1]');
    assert.equal(group.title, 'HighErrorRate');
    assert.deepEqual(group.common, [{ name: 'severity', value: 'warning' }]);
    assert.deepEqual(
      group.lines.map(({ state, name, summary, value }) => [state, name, summary, value]),
      [
        ['FIRING', '{service="shop"}', 'shop: 50% failed', '0.5'],
        ['FIRING', '{service="bank"}', 'bank: 50% failed', '0.25'],
        ['RESOLVED', '{service="post"}', 'post: 50% failed', '0.5'],
      ],
    );
    assert.equal(group.lines[2]?.time, '2026-01-01T00:00:00.000Z to 2026-01-01T00:10:00.000Z');
    const { incidentId } = createAlert('bank');
    assert.equal(group.lines[1]?.why, `${URL}/api/v1/alerts/history?incident=${incidentId}&from=2026-01-01T00%3A00%3A00.000Z`);
    assert.deepEqual(group.links, [{ text: 'Runbook', href: 'https://runbooks.example/high-error-rate', of: '' }]);
  });

  it('names the alerts where they are not of one name, also in their links', () => {
    const slow = { labels: labels({ alertname: 'SlowPipeline' }), annotations: { runbook_url: 'https://runbooks.example/slow' } };
    const group = describeGroup(createGroupMessage([createAlert('shop'), createAlert('bank', slow)]), URL);
    assert.equal(group?.title, 'HighErrorRate, SlowPipeline');
    assert.deepEqual(
      group.lines.map(({ name }) => name),
      ['HighErrorRate', 'SlowPipeline'],
    );
    assert.deepEqual(
      group.links.map(({ text, of }) => `${text}${of}`),
      ['Runbook of HighErrorRate', 'Runbook of SlowPipeline'],
    );
    const many = Array.from({ length: 9 }, (_, index) => createAlert('a', { labels: { alertname: `Alert${index}` } }));
    assert.equal(describeGroup(createGroupMessage(many), URL)?.title, 'Alert0, Alert1, Alert2 and 6 more');
  });

  it('puts what fires before what is over, and the worst first', () => {
    const alert = (service: string, severity: string, status: 'firing' | 'resolved' = 'firing') =>
      createAlert(service, { status, labels: labels({ service, severity }) });
    const alerts = [alert('a', 'info'), alert('b', 'page'), alert('c', 'whatever'), alert('d', 'critical', 'resolved')];
    const group = describeGroup(createGroupMessage(alerts), URL);
    assert.deepEqual(
      group?.lines.map(({ alert: { labels } }) => labels['service']),
      ['b', 'c', 'a', 'd'],
    );
    assert.equal(group.severity, 'page');
    assert.match(group.summary, /^b:/);
  });

  it('says of an alert that it flaps, and counts it as firing though it is over for a moment', () => {
    const flapping = { summary: 'shop: 50% failed', flapping: 'it began and ended 6 times' };
    const alerts = [createAlert('shop', { status: 'resolved', annotations: flapping }), createAlert('bank')];
    const group = describeGroup(createGroupMessage(alerts, {}, { firing: 2, resolved: 0 }), URL);
    assert.equal(group?.counts, '[FIRING:2]');
    assert.deepEqual(
      group.lines.map(({ summary }) => summary),
      ['bank: 50% failed', 'shop: 50% failed (it began and ended 6 times)'],
    );
    const { leftOut } = fitLines(group, (line) => line, { sizeOf: () => 0, budget: 0 });
    assert.equal(leftOut, '');
  });

  it('says that data is missing, and that a rule has no answer', () => {
    const alerts = [createAlert('shop', { reason: 'nodata' }), createAlert('bank', { reason: 'error' })];
    const group = describeGroup(createGroupMessage(alerts), URL);
    assert.deepEqual(
      group?.lines.map(({ state }) => state),
      ['NO DATA', 'RULE ERROR'],
    );
  });
});

describe('fitLines', () => {
  const group = (count: number, length: number): GroupText => {
    const alerts = Array.from({ length: count }, (_, index) =>
      createAlert(`s${index}`, {
        status: index < count / 2 ? 'firing' : 'resolved',
        annotations: { summary: 'x'.repeat(length) },
      }),
    );
    const described = describeGroup(createGroupMessage(alerts), undefined);
    assert.ok(described !== undefined);
    return described;
  };
  const show = (of: GroupText, budget: number, most?: number) =>
    fitLines(of, ({ summary }) => summary, {
      sizeOf: ({ length }) => length,
      budget,
      ...(most === undefined ? {} : { most }),
    });

  it('shows all in full, or all shorter, or the first of them and counts the others', () => {
    const short = show(group(10, 300), 3000);
    assert.deepEqual([short.shown.length, short.shown[0]?.length, short.leftOut], [10, 300, '']);
    const shorter = show(group(10, 300), 2000);
    assert.deepEqual([shorter.shown.length, shorter.shown[0]?.length, shorter.leftOut], [10, 150, '']);
    const fewer = show(group(10, 300), 500);
    assert.deepEqual([fewer.shown.length, fewer.shown[0]?.length, fewer.leftOut], [6, 80, '4 more resolved alerts']);
    assert.equal(show(group(10, 300), 10).leftOut, '5 more firing alerts, 5 more resolved alerts');
  });

  it('counts what the message does not carry too', () => {
    const alerts = Array.from({ length: 100 }, (_, index) => createAlert(`s${index}`));
    const described = describeGroup(createGroupMessage(alerts, {}, { firing: 5000, resolved: 7 }), undefined);
    assert.ok(described !== undefined);
    assert.equal(show(described, 1e6, 44).leftOut, '4956 more firing alerts, 7 more resolved alerts');
  });

  it('leaves no alert uncounted, whatever texts are given', () => {
    fc.assert(
      fc.property(hostileGroup, fc.nat(5000), fc.integer({ min: 1, max: 100 }), (message, budget, most) => {
        const described = describeGroup(message, URL);
        assert.ok(described !== undefined);
        const { shown, leftOut } = show(described, budget, most);
        const left = [...leftOut.matchAll(/(\d+) more/g)].reduce((sum, [, count]) => sum + Number(count), 0);
        assert.equal(shown.length + left, described.firing + described.resolved);
        assert.ok(shown.join('').length <= budget);
      }),
      { numRuns: 50 },
    );
  });
});
