// What the API tells of rules and alerts when there are more alerts than an answer holds.
import assert from 'node:assert/strict';
import { MAX_ALERTS, readAlerts, readRules } from '../../../src/alerts/responses.ts';
import type { Database } from '../../../src/db/database.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';

const RULES = ['Fires', 'Recovers', 'Pends', 'Lacks', 'Rests'];
const PENDING = MAX_ALERTS + 10;
const groups = parseRulesOf('shop', 'data');

function parseRulesOf(...names: readonly string[]) {
  const rules = RULES.map((alert) => ({ alert, query: 'select 1 as value', fire_when: 'value > 0' }));
  return () => parseRules(JSON.stringify({ groups: names.map((name) => ({ name, rules })) }));
}

describe('many alerts', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  before(async () => {
    fixture = await openAlertsFixture();
    for (const [rule, state, count] of [
      ['Fires', 'firing', 3],
      ['Recovers', 'recovering', 2],
      ['Pends', 'pending', PENDING],
      ['Lacks', 'nodata', 4],
    ] as const)
      await fixture.database.none(
        `insert into keepwatch.alert_instance (group_name, rule_uid, rule, fingerprint, state, incident_id, active_at, fired_at, is_told, last_slot, labels, row)
         select 'shop', 'shop/' || $<rule>, $<rule>, sha256(($<rule> || n)::bytea), $<state>, gen_random_uuid(), now() - n * interval '1 second',
           case when $<state> in ('firing', 'recovering') then now() end, $<state> <> 'pending', now(), '{}', '{}'
         from generate_series(1, $<count>) as n`,
        { rule, state, count },
      );
  });
  after(() => fixture.close());

  const rulesOf = () => ({ groups: groups(), problems: [], origins: new Map() });
  const countsOf = (entries: readonly { readonly keepwatch_state: string }[]) =>
    ['firing', 'recovering', 'pending'].map((state) => entries.filter((entry) => entry.keepwatch_state === state).length);

  it('are told of up to a limit, those that fire first, and the answer says so', async () => {
    const { alerts, keepwatch_truncated: isTruncated } = await readAlerts(fixture.database);
    assert.deepEqual(countsOf(alerts), [3, 2, MAX_ALERTS - 5]);
    assert.equal(isTruncated, true);
    const whole = await readAlerts(fixture.database, PENDING + 5);
    assert.equal(whole.alerts.length, PENDING + 5);
    assert.equal('keepwatch_truncated' in whole, false);
  });

  it('leave the states of rules as they are', async () => {
    const data = await readRules(fixture.database, rulesOf(), {}, 4);
    const [shop, other] = data.groups;
    assert.equal(data.keepwatch_truncated, true);
    assert.deepEqual(
      shop?.rules.map((rule) => [rule.keepwatch_state, rule.state, rule.alerts.length, rule.keepwatch_nodata]),
      [
        ['firing', 'firing', 3, 0],
        ['recovering', 'firing', 1, 0],
        ['pending', 'pending', 0, 0],
        ['nodata', 'inactive', 0, 4],
        ['ok', 'inactive', 0, 0],
      ],
    );
    assert.deepEqual(
      other?.rules.map((rule) => rule.keepwatch_state),
      RULES.map(() => 'ok'),
    );
  });

  it('leave room for those of the rules that are asked for', async () => {
    const choose = <Group extends { readonly rules: readonly { readonly name: string }[] }>(all: readonly Group[]) =>
      all.map((group) => ({ ...group, rules: group.rules.filter(({ name }) => name === 'Recovers') }));
    const data = await readRules(fixture.database, rulesOf(), { choose }, 4);
    assert.deepEqual(
      data.groups.map(({ rules }) => rules.map(({ alerts }) => alerts.length)),
      [[2], [0]],
    );
    assert.equal('keepwatch_truncated' in data, false);
  });

  it('are not read where nobody asks for them', async () => {
    let rows = 0;
    const data = await readRules(
      counting(fixture.database, (read) => (rows += read.length)),
      rulesOf(),
      { excludesAlerts: true },
    );
    assert.ok(rows <= 10, `${rows} rows`);
    assert.deepEqual(
      data.groups[0]?.rules.map((rule) => [rule.keepwatch_state, rule.alerts.length]),
      [
        ['firing', 0],
        ['recovering', 0],
        ['pending', 0],
        ['nodata', 0],
        ['ok', 0],
      ],
    );
  });

  it('are looked at once, however many rules there are', async () => {
    let looks = 0;
    const watch = (rows: readonly object[]) => {
      for (const row of rows as { rule: string }[]) {
        const { rule } = row;
        const look = () => {
          looks++;
          return rule;
        };
        Object.defineProperty(row, 'rule', { get: look });
      }
    };
    await readRules(counting(fixture.database, watch), rulesOf());
    assert.ok(looks <= MAX_ALERTS + 10, `${looks} looks`);
  });
});

/** The database, and somebody who sees the rows that come from it. */
function counting(database: Database, see: (rows: readonly object[]) => void): Database {
  return {
    ...database,
    any: async (query: Parameters<Database['any']>[0], values?: object) => {
      const rows = await database.any<object>(query, values);
      see(rows);
      return rows;
    },
  } as Database;
}
