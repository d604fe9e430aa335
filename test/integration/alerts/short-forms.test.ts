// What short forms of rules answer, as keepwatch_rules on real Postgres, against brute force over the same events.
import assert from 'node:assert/strict';
import { createRandom } from '../../../demo/random.ts';
import type { Rule } from '../../../src/alerts/rule.ts';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { foldRollups } from '../../../src/archive/rollups/fold.ts';
import { closeUsage } from '../../../src/archive/rollups/usage.ts';
import { runRulesQuery } from '../../../src/db/rules-query.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { insertRolledUp, type PlainEvent } from '../../support/rolled-up.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const COLUMNS = ['service', 'type', 'name'] as const;
type Row = Readonly<Record<string, string | number | null>>;

describe('short forms', function () {
  this.timeout(60_000);
  const nowMs = Math.floor((Date.now() - 5 * MINUTE) / MINUTE) * MINUTE;
  const events: PlainEvent[] = [];
  let fixture: AlertsFixture;

  before(async () => {
    fixture = await openAlertsFixture();
    const random = createRandom(7).next;
    for (let index = 0; index < 4000; index++) {
      const name = ['GET /', 'POST /pay', 'rare', 'gone'][Math.floor(random() ** 2 * 4)] ?? 'GET /';
      events.push({
        service: random() < 0.7 ? 'shop' : 'crm',
        type: random() < 0.8 ? 'api' : 'db',
        name,
        status: random() < 0.2 ? 'failure' : random() < 0.2 ? 'aborted' : 'success',
        // Some of them on the edges of minutes; those that are gone have been so for 20 minutes.
        endMs:
          nowMs -
          (name === 'gone' ? 20 * MINUTE : 0) -
          Math.floor((index % 5 === 0 ? Math.floor(random() * 60) : random() * 60) * MINUTE),
        durationMs: Math.round(2 ** (random() * 12) * 1000) / 1000,
        weight: random() < 0.1 ? 10 : 1,
      });
    }
    await insertRolledUp(fixture.database, events);
  });
  after(() => fixture.close());

  const ruleOf = (form: string, every = '1m'): Rule => {
    const [rule] = parseRules(`groups: [{ name: g, every: ${every}, rules: [{ alert: A, ${form} }] }]`)[0]?.rules ?? [];
    assert.ok(rule !== undefined);
    return rule;
  };
  const ask = async (rule: Rule, slotMs: number): Promise<Row[]> => {
    const query = { text: rule.compiled.text, values: rule.compiled.values(slotMs) };
    const { columns, rows } = await runRulesQuery(fixture.rulesDatabase, query, { maxRows: 1000 });
    return sorted(rows.map((cells) => Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null]))));
  };
  const sorted = (rows: Row[]) => rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const keyOf = (row: Row) => COLUMNS.map((column) => row[column]).join('|');
  /** Events of [slot - window, slot) by series. */
  const groupsOf = (
    slotMs: number,
    windowMs: number,
    by: readonly (typeof COLUMNS)[number][],
    keep: (event: PlainEvent) => boolean,
  ) => {
    const groups = new Map<string, { labels: Row; events: PlainEvent[] }>();
    for (const event of events) {
      if (event.endMs < slotMs - windowMs || event.endMs >= slotMs || !keep(event)) continue;
      const labels = Object.fromEntries(by.map((column) => [column, event[column]]));
      const key = JSON.stringify(labels);
      groups.set(key, { labels, events: [...(groups.get(key)?.events ?? []), event] });
    }
    return [...groups.values()];
  };
  const weightOf = (some: readonly PlainEvent[]) => some.reduce((sum, { weight }) => sum + weight, 0);

  const filters: [string, readonly (typeof COLUMNS)[number][], (event: PlainEvent) => boolean][] = [
    ['type: api', COLUMNS, ({ type }) => type === 'api'],
    ['type: api, service: shop, name: GET /', COLUMNS, (e) => e.type === 'api' && e.service === 'shop' && e.name === 'GET /'],
    ['by: [service]', ['service'], () => true],
    ['type: db, by: [name, service]', ['service', 'name'], ({ type }) => type === 'db'],
  ];
  /** Slots and groups for which rollups are exact, and others. */
  const slots: [string, number, string][] = [
    ['1m', nowMs, 'observability_rollup_1m'],
    ['2m', nowMs - 7 * MINUTE, 'observability_rollup_1m'],
    ['30s', nowMs - 3 * MINUTE - 30 * SECOND, 'observability_metrics'],
  ];

  for (const [filter, by, keep] of filters) {
    for (const [every, slotMs, relation] of slots) {
      it(`error_rate { ${filter} } of ${relation} every ${every}`, async () => {
        const rule = ruleOf(`error_rate: { ${filter}, above: 10%, clear: 5%, window: 10m, at_least: 50 }`, every);
        assert.ok(rule.query.includes(relation));
        const expected = groupsOf(slotMs, 10 * MINUTE, by, (event) => keep(event) && event.status !== 'aborted').map((group) => {
          const [all, failures] = [weightOf(group.events), weightOf(group.events.filter(({ status }) => status === 'failure'))];
          return { ...group.labels, events: all, failures, value: failures / all };
        });
        assert.ok(expected.length > 0);
        assert.deepEqual(await ask(rule, slotMs), sorted(expected));
      });

      for (const quantile of [0.5, 0.95])
        it(`latency { ${filter}, quantile: ${quantile} } of ${relation} every ${every}`, async () => {
          const rule = ruleOf(`latency: { ${filter}, quantile: ${quantile}, above: 1s, window: 10m }`, every);
          assert.ok(rule.query.includes(relation));
          const expected = sorted(
            groupsOf(slotMs, 10 * MINUTE, by, (event) => keep(event) && event.status !== 'aborted').map((group) => {
              const durations = group.events
                .flatMap(({ durationMs, weight }) => Array.from({ length: weight }, () => durationMs))
                .sort((a, b) => a - b);
              return {
                ...group.labels,
                events: durations.length,
                value: durations[Math.ceil(quantile * durations.length) - 1] ?? null,
              };
            }),
          );
          const found = await ask(rule, slotMs);
          assert.deepEqual(
            found.map((row) => ({ ...row, value: null })),
            expected.map((row) => ({ ...row, value: null })),
          );
          const tolerance = relation === 'observability_metrics' ? 0 : 0.011;
          for (const [index, { value }] of expected.entries()) {
            const off = Math.abs(Number(found[index]?.['value']) / Number(value) - 1);
            assert.ok(off <= tolerance, `${JSON.stringify(found[index])}: ${value} expected`);
          }
        });

      it(`throughput { ${filter} } of ${relation} every ${every}, silent series at 0`, async () => {
        const rule = ruleOf(`throughput: { ${filter}, below: 2/m, window: 10m, lookback: 2h }`, every);
        assert.ok(rule.query.includes(relation));
        const firstHour = Math.ceil((slotMs - 2 * HOUR) / HOUR) * HOUR;
        const recent = groupsOf(slotMs, 10 * MINUTE, by, keep);
        const expected = groupsOf(slotMs, slotMs - firstHour, by, keep).map(({ labels }) => {
          const own = recent.find((group) => keyOf(group.labels) === keyOf(labels))?.events ?? [];
          return { ...labels, events: weightOf(own), value: weightOf(own) / 10 };
        });
        assert.deepEqual(await ask(rule, slotMs), sorted(expected));
      });
    }
  }

  it('latency that is exact reads raw events', async () => {
    const rule = ruleOf('latency: { type: api, quantile: 0.99, above: 1s, window: 10m, exact: true }');
    assert.ok(rule.query.includes('observability_metrics'));
    const durations = events
      .filter((e) => e.type === 'api' && e.service === 'shop' && e.name === 'GET /' && e.status !== 'aborted')
      .filter(({ endMs }) => endMs >= nowMs - 10 * MINUTE && endMs < nowMs)
      .flatMap(({ durationMs, weight }) => Array.from({ length: weight }, () => durationMs))
      .sort((a, b) => a - b);
    const found = (await ask(rule, nowMs)).find(({ service, name }) => service === 'shop' && name === 'GET /');
    assert.equal(found?.['value'], durations[Math.ceil(0.99 * durations.length) - 1]);
  });

  it('absence fires for what has run and does no more, and for what is named in full and never ran', async () => {
    const rule = ruleOf('absence: { type: api, window: 15m, lookback: 2h }');
    const absent = (await ask(rule, nowMs)).filter((row) => rule.fireWhen.evaluate(numbersOf(row)) === true);
    assert.deepEqual(
      absent.map(({ service, name }) => `${service} ${name}`),
      ['crm gone', 'shop gone'],
    );
    const named = ruleOf('absence: { type: api, service: shop, name: never }');
    assert.deepEqual(await ask(named, nowMs), []);
    assert.deepEqual(named.expect, [{ service: 'shop', type: 'api', name: 'never' }]);
    assert.deepEqual([named.missing.policy, named.noData.policy], ['alert', 'alert']);
  });

  it('shows examples of the series that fires', async () => {
    for (const form of ['error_rate: { type: api, above: 10% }', 'latency: { type: api, above: 1s }']) {
      const { context } = ruleOf(form);
      assert.ok(context !== undefined);
      const labels = { service: 'shop', type: 'api', name: 'GET /' };
      const query = { text: context.compiled.text, values: context.compiled.values(nowMs, labels) };
      const { rows } = await runRulesQuery(fixture.rulesDatabase, query, { maxRows: context.limit });
      assert.equal(rows.length, 5);
    }
  });

  it('budget adds up what was spent since the period began, where the budget is', async () => {
    const { database } = fixture;
    await database.multi(BUDGETS);
    const slotMs = Date.UTC(2026, 2, 30, 12);
    await database.any('select keepwatch.ensure_partitions($1, $2)', [new Date(slotMs - 40 * 24 * HOUR), new Date(slotMs)]);
    const random = createRandom(11).next;
    const spending = Array.from({ length: 500 }, (): PlainEvent => {
      return {
        ...{ service: 'chat', type: 'llm', name: 'ask', status: 'success', durationMs: 1, weight: random() < 0.1 ? 3 : 1 },
        endMs: Math.floor(slotMs - random() * 33 * 24 * HOUR),
        metadata: {
          team: random() < 0.5 ? 'search' : 'ads',
          region: random() < 0.5 ? 'eu' : 'us',
          cost_usd: random() < 0.1 ? 'unknown' : Math.round(random() * 1e6) / 1e6,
        },
      };
    });
    await insertRolledUp(database, spending);
    const rule = ruleOf('budget: {}');
    const found = await ask(rule, slotMs);
    // Summer time began in Berlin the day before, on Sunday; that Monday began at 22:00 UTC, and at 18:15 in Kathmandu.
    const monthMs = Date.UTC(2026, 2, 1);
    const begins = {
      all: monthMs,
      search: Date.UTC(2026, 2, 29, 22),
      today: Date.UTC(2026, 2, 29, 22),
      region: monthMs,
      both: Date.UTC(2026, 2, 29, 18, 15),
    };
    const isOf = (budget: string, { team, region }: Readonly<Record<string, unknown>>) =>
      ({ search: team === 'search', region: region === 'eu', both: region === 'eu' && team === 'ads' })[budget] ?? true;
    const spentOf = (own: readonly PlainEvent[]) =>
      own.reduce((sum, { weight, metadata }) => sum + weight * (Number(metadata?.['cost_usd']) || 0), 0);
    for (const [budget, fromMs] of Object.entries(begins)) {
      const spent = spentOf(
        spending.filter(({ endMs, metadata = {} }) => endMs >= fromMs && endMs < slotMs && isOf(budget, metadata)),
      );
      const row = found.find((one) => one['budget'] === budget);
      assert.ok(Math.abs(Number(row?.['spend_usd']) - spent) < 1e-9, `${budget}: ${row?.['spend_usd']}, not ${spent}`);
      assert.ok(Math.abs(Number(row?.['value']) - spent / 100) < 1e-9);
    }
    assert.deepEqual(found.map(({ budget, period_start }) => `${budget} ${period_start}`).sort(), [
      'all 2026-03-01',
      'both 2026-03-30',
      'region 2026-03-01',
      'search 2026-03-30',
      'today 2026-03-30',
    ]);
    assert.deepEqual(
      [rule.latch, rule.steps.map(({ severity, fireWhen }) => `${severity} ${fireWhen.text}`)],
      [true, ['warning value > 0.9', 'critical value > 1']],
    );
    assert.deepEqual((await ask(ruleOf('budget: { name: search }'), slotMs)).length, 1);
    const examples = {
      text: rule.context?.compiled.text ?? '',
      values: rule.context?.compiled.values(slotMs, { budget: 'all' }) ?? [],
    };
    const { rows } = await runRulesQuery(fixture.rulesDatabase, examples, { maxRows: 5 });
    const teams = ['ads', 'search'].map((team) =>
      spending.filter(({ endMs, metadata }) => endMs >= begins.all && metadata?.['team'] === team),
    );
    assert.deepEqual(
      new Set(
        rows.map(([service, model, team, tenant, , usd]) => `${service} ${model} ${team} ${tenant} ${Number(usd).toFixed(6)}`),
      ),
      new Set(teams.map((own, index) => `chat null ${['ads', 'search'][index]} null ${spentOf(own).toFixed(6)}`)),
    );
    // Of hours that are closed, no raw event is read, unless usage is not told apart by the scope.
    const lease = new Lease({ database, name: 'rollups', holder: 'test', seconds: 60 });
    await foldRollups({ database, lease, shouldStop: () => false });
    await closeUsage({ database, lease, shouldStop: () => false, busyMs: 60_000 });
    await database.none('truncate keepwatch.observability_metrics');
    const closed = await ask(rule, slotMs);
    for (const { budget, spend_usd: before } of found) {
      const after = closed.find((row) => row['budget'] === budget)?.['spend_usd'];
      assert.equal(after, budget === 'region' || budget === 'both' ? 0 : before, String(budget));
    }
  });

  it('budget tells each step once a period, and its alert is over with it', async () => {
    const { database } = fixture;
    await database.none(
      `delete from keepwatch.budgets; insert into keepwatch.budgets (name, period, limit_usd) values ('daily', 'day', 10)`,
    );
    const dayMs = Date.UTC(2026, 1, 10);
    await database.any('select keepwatch.ensure_partitions($1, $2)', [new Date(dayMs), new Date(dayMs + 48 * HOUR)]);
    const spend = (hour: number, usd: number) =>
      insertRolledUp(database, [
        {
          ...{ service: 'chat', type: 'llm', name: 'ask', status: 'success', durationMs: 1, weight: 1 },
          endMs: dayMs + hour * HOUR - MINUTE,
          metadata: { cost_usd: usd },
        },
      ]);
    const groups = parseRules(`groups: [{ name: spending, every: 1h, rules: [{ alert: A, budget: {} }] }]`);
    const [group] = groups;
    assert.ok(group !== undefined);
    for (const [hour, usd] of [
      [1, 9.5],
      [2, 0.1],
      [3, 2],
      [4, 1],
      [25, 1],
      [26, 9],
    ] as const) {
      await spend(hour, usd);
      await fixture.createEvaluator(groups).evaluateGroup(group, { slotMs: dayMs + hour * HOUR, isPartial: false, missed: 0 });
    }
    const told = await database.any<{ text: string }>(
      `select payload -> 'labels' ->> 'period_start' || ' ' || (payload -> 'labels' ->> 'severity') || ' ' || reason as text
       from keepwatch.notification_outbox where group_name = 'spending' order by created_at`,
    );
    assert.deepEqual(
      told.map(({ text }) => text),
      ['2026-02-10 warning firing', '2026-02-10 critical firing', '2026-02-11 warning firing'],
    );
    assert.deepEqual(
      await database.any(
        `select labels ->> 'period_start' as day from keepwatch.alert_instance where group_name = 'spending' and state = 'firing'`,
      ),
      [{ day: '2026-02-11' }],
    );
  });

  const numbersOf = (row: Row) =>
    new Map(Object.entries(row).flatMap(([column, value]) => (typeof value === 'number' ? [[column, value] as const] : [])));
});

const BUDGETS = `
  insert into keepwatch.budgets (name, scope, period, timezone, limit_usd, enabled) values
    ('all', '{}', 'month', 'UTC', 100, true), ('search', '{"team":"search"}', 'week', 'Europe/Berlin', 100, true),
    ('today', '{}', 'day', 'Europe/Berlin', 100, true), ('region', '{"region":"eu"}', 'month', 'UTC', 100, true),
    ('both', '{"region":"eu","team":"ads"}', 'week', 'Asia/Kathmandu', 100, true), ('off', '{}', 'day', 'UTC', 100, false);`;
