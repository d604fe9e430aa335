// 100,000 alerts begin in one slot, in a process of their own, beside a Slack that takes a message a second and says when it gets more: people hear of it
// in a digest, or in a message for each rule, and the process stays small.
import assert from 'node:assert/strict';
import { type AlertsFixture, openAlertsFixture } from '../support/alerts.ts';
import { startProgram } from '../support/process.ts';
import { rulesUrlOf } from '../support/rules-role.ts';
import { type SlackDouble, startSlack, WEBHOOK_PATH } from '../support/slack.ts';
import { STORM_ALERTS } from '../support/storm.ts';
import { waitFor } from '../support/wait-for.ts';

const MAX_RSS = 512e6;
/** Whether the dispatcher has something to do, now or soon; what is repeated is due in hours. */
const IS_BUSY = `select exists (select from keepwatch.notification_change)
  or exists (select from keepwatch.notification_group where due_at < clock_timestamp() + interval '1 minute') as is_busy`;

describe('a storm of 100,000 alerts', function () {
  this.timeout(600_000);
  let fixture: AlertsFixture;
  let slack: SlackDouble;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
    slack = await startSlack();
  });
  afterEach(async () => {
    await slack.close();
    await fixture.close();
  });

  const count = async (what: string) =>
    (await fixture.database.one<{ count: number }>(`select count(*)::integer as count from ${what}`)).count;

  for (const kind of ['alone', 'routed'] as const)
    it(`is told within bounds, each alert ${kind === 'alone' ? 'alone' : 'with those of its rule'}`, async () => {
      const user = startProgram('test/support/storm-user.ts', [
        ...[fixture.test.url, await rulesUrlOf(fixture.test), `${slack.url}${WEBHOOK_PATH}`, kind],
      ]);
      try {
        await waitFor(async () => (await count(`keepwatch.alert_instance where state = 'firing'`)) === STORM_ALERTS, {
          timeoutMs: 300_000,
        });
        const toldAt = performance.now();
        await waitFor(() => slack.taken.some(({ body }) => body.text.includes('AlertStorm')), { timeoutMs: 120_000 });
        assert.ok(performance.now() - toldAt < 60_000, 'the digest comes within a minute');
        // Changes go into groups faster than groups are told.
        await waitFor(async () => !(await fixture.database.one<{ is_busy: boolean }>(IS_BUSY)).is_busy, { timeoutMs: 200_000 });
        const { payload } = await fixture.database.one<{ payload: { digest: { causes: object[] }; row: { firing: number } } }>(
          `select payload from keepwatch.notification_outbox where kind = 'digest' order by created_at limit 1`,
        );
        assert.ok(payload.digest.causes.length > 1);
        const told = await count(`keepwatch.notification_member where told = 'firing'`);
        assert.equal(told, STORM_ALERTS, 'no alert is left out');
        assert.deepEqual(slack.violations, [], 'no message comes too fast, or is too large');
      } finally {
        await user.end();
      }
      const rss = Math.max(...user.output().split('\n').map(Number).filter(Number.isFinite));
      assert.ok(rss <= MAX_RSS, `the process took ${Math.round(rss / 1e6)} MB`);
    });
});
