// Who asks much of one kind keeps nobody from asking another.
import assert from 'node:assert/strict';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { waitFor } from '../../support/wait-for.ts';

const SLOW = ['/alerts/history', '/rules/g%2FA/evaluations'];
const OTHERS = ['/alerts', '/rules', '/targets', '/budgets', '/silences', '/deliveries'];
/** More than may wait for a turn. */
const MANY = 60;

describe('gates of /api/v1', function () {
  this.timeout(60_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
  });
  after(() => fixture.close());

  const get = (path: string) => fixture.send('get', path);
  /** How many statements of history wait for a lock. */
  const waiting = async () =>
    (
      await fixture.database.one<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
    ).count;

  it('answers questions of each kind while a flood of history waits', async () => {
    const lock = await fixture.database.connect();
    await lock.none('begin; lock table keepwatch.alert_transition, keepwatch.alert_evaluation in access exclusive mode');
    let flood: Promise<{ status: number }[]> | undefined;
    try {
      flood = Promise.all(Array.from({ length: MANY }, (_, index) => get(SLOW[index % SLOW.length] ?? '')));
      await waitFor(async () => (await waiting()) === 1, { timeoutMs: 10_000, what: 'a question of history that hangs' });
      const others = await Promise.all(OTHERS.map(get));
      assert.deepEqual(
        others.map(({ status }) => status),
        OTHERS.map(() => 200),
      );
      assert.equal(await waiting(), 1, 'history still hangs, on one connection');
    } finally {
      await lock.none('rollback');
      await lock.done();
    }
    const refused = (await flood).filter(({ status }) => status === 503);
    assert.ok(refused.length >= MANY - 51, 'who finds no place to wait is told so at once');
  });
});
