// While alerts fire, everything goes wrong that can: rules that fail, hang, give nothing, too much, or nonsense, a right that is taken away, a
// database that does not answer, an archive that lags. A window is a series that fires and a slot in which something is wrong with it. None may
// end an incident or tell of its end. Seeded; `NEVER_RESOLVES_WINDOWS=100000 npx mocha …` for the long form.
import assert from 'node:assert/strict';
import { createRandom } from '../../../demo/random.ts';
import type { EvaluatorOptions } from '../../../src/alerts/evaluator.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { freePort } from '../../support/postgres.ts';

const EVERY = 5000;
const WINDOWS = Number(process.env['NEVER_RESOLVES_WINDOWS'] ?? 5000);
const SERIES = 10;
const START = Math.floor((Date.now() - 3 * 3_600_000) / EVERY) * EVERY;
const MAX_SERIES = 50;
/** Of one rule: states of all its series are kept, and three of them are told. */
const MAX_MESSAGES = 3;
/** In slots in which a query hangs. On a busy machine it cuts off others besides, which is one more window. */
const TIMEOUT_MS = 150;

/** What a rule is told to do, by the value of an event named `fault`; see `queryOf`. */
const RULE_FAULTS = ['none', 'division', 'hangs', 'empty', 'half', 'overflow', 'null', 'nan', 'twins'] as const;
type RuleFault = (typeof RULE_FAULTS)[number];
const WITHOUT_HANGS = RULE_FAULTS.filter((fault) => fault !== 'hangs');
/** What happens to all rules at once. */
const SLOT_FAULTS = ['none', 'none', 'none', 'none', 'none', 'none', 'lag', 'lag', 'revoked', 'away'] as const;
type SlotFault = (typeof SLOT_FAULTS)[number];

/** Every policy under which an alert may not end by itself: all but `ok`. */
const POLICIES: readonly Record<string, unknown>[] = [
  { fire_when: 'value > 10' },
  { fire_when: 'value > 10', keep_firing_for: '10s' },
  { fire_when: 'value > 10', missing: { policy: 'alert', after: 2 }, no_data: { policy: 'alert', after: 2 } },
  { fire_when: 'value > 10', missing: { policy: 'nodata', after: 1 }, no_data: { policy: 'nodata', after: 1 } },
  { fire_when: 'value > 10', for: { samples: 2, of: 3 } },
  { fire_when: 'value > 10', latch: true },
  { fire_when: 'value > 10', max_messages: MAX_MESSAGES },
  {
    steps: [
      { severity: 'warning', fire_when: 'value > 10' },
      { severity: 'critical', fire_when: 'value > 50' },
    ],
  },
  { fire_when: 'value > 10', clear_when: 'value < 5', for: '5s' },
  { fire_when: 'value > 10', on_error: { policy: 'alert', after: '5s' } },
  {
    fire_when: 'value > 10',
    keep_firing_for: '5s',
    missing: { policy: 'nodata', after: 3 },
    no_data: { policy: 'alert', after: 2 },
  },
];

function queryOf(rule: string): string {
  return `with events as materialized (
      select name, duration_ms from keepwatch.observability_metrics where service = '${rule}' and end_time = :now
    ), fault as materialized (
      select coalesce(max(duration_ms) filter (where name = 'fault'), 0)::integer as kind from events
    )
    select name || case when n > 2 then n::text else '' end as series,
      case kind when 1 then (1 / (kind - 1))::float8 when 6 then null when 7 then 'NaN'::float8 else duration_ms end as value
    from fault, events, generate_series(1, 10) n
    where name <> 'fault' and kind <> 3 and not (kind = 4 and name < 'series 5') and (n = 1 or kind = 5 or (kind = 8 and n = 2))
      and (kind <> 2 or (select count(*) from generate_series(1, 2000000000)) > 0)`;
}

const RULES = POLICIES.map((policy, index) => ({ alert: `rule ${index}`, query: queryOf(`rule ${index}`), ...policy }));
const RULE_FILE = JSON.stringify({ groups: [{ name: 'g', every: '5s', rules: RULES }] });

/** What a slot holds: a value for all series, and what is wrong with it. */
interface PlannedSlot {
  /** Counted from START. */
  readonly slot: number;
  readonly value: number;
  readonly slotFault: SlotFault;
  readonly ruleFaults: readonly RuleFault[];
}

/** Three slots to fire in, slots of faults and now and then a good one, one to see what fires, three to clear in. */
function plan(): { slots: PlannedSlot[]; windows: number } {
  const random = createRandom(6);
  const none = RULES.map((): RuleFault => 'none');
  const good = (slot: number, value: number): PlannedSlot => ({ slot, value, slotFault: 'none', ruleFaults: none });
  const slots = [1, 2, 3].map((slot) => good(slot, 20));
  let slot = 3;
  let windows = 0;
  while (windows < WINDOWS) {
    // Now and then nobody evaluates a slot.
    slot += random.next() < 0.05 ? 2 : 1;
    const slotFault = random.pick(SLOT_FAULTS);
    const faults = random.next() < 0.2 ? RULE_FAULTS : WITHOUT_HANGS;
    const ruleFaults = slotFault === 'none' && random.next() < 0.9 ? RULES.map(() => random.pick(faults)) : none;
    // What the archive lags behind with looks as if all were well.
    slots.push({ slot, value: slotFault === 'lag' ? 0 : 20, slotFault, ruleFaults });
    windows += slotFault === 'none' ? SERIES * ruleFaults.reduce((sum, fault) => sum + SHARE[fault], 0) : SERIES * RULES.length;
  }
  for (const value of [20, 0, 0, 0]) slots.push(good(++slot, value));
  return { slots, windows };
}

/** Of the series of a rule: how many have something wrong with them. */
const SHARE: Readonly<Record<RuleFault, number>> = {
  none: 0,
  division: 1,
  hangs: 1,
  empty: 1,
  half: 0.5,
  overflow: 1,
  null: 1,
  nan: 1,
  twins: 1,
};

describe('An alert that fires', function () {
  this.timeout(Math.max(240_000, WINDOWS * 20));
  let fixture: AlertsFixture;
  let away: Database;
  let group: RuleGroup;
  before(async () => {
    fixture = await openAlertsFixture();
    const [parsed] = parseRules(RULE_FILE);
    assert.ok(parsed !== undefined);
    group = parsed;
    away = createDatabase({ url: `postgres://a:b@127.0.0.1:${await freePort()}/c`, max: 1 });
  });
  after(async () => {
    await closeDatabase(away);
    await fixture.close();
  });

  async function insert(slots: readonly PlannedSlot[]): Promise<void> {
    const events = slots.flatMap(({ slot, value, ruleFaults }) =>
      ruleFaults.flatMap((fault, rule) => {
        const common = { slot, service: `rule ${rule}` };
        const series = Array.from({ length: SERIES }, (_, index) => ({ ...common, name: `series ${index}`, value }));
        return fault === 'none' ? series : [...series, { ...common, name: 'fault', value: RULE_FAULTS.indexOf(fault) }];
      }),
    );
    await fixture.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
       select gen_random_uuid(), at, at, value, 1, name, 'api', 'success', service
       from jsonb_to_recordset($<events:json>::jsonb) as given(slot integer, service text, name text, value float8),
         lateral (select to_timestamp(($<start> + slot * 5000::float8) / 1000) as at) times`,
      { events, start: START },
    );
  }

  async function evaluate({ slot: at, slotFault, ruleFaults }: PlannedSlot): Promise<void> {
    const { database } = fixture;
    const options: Partial<EvaluatorOptions> = {
      maxSeries: MAX_SERIES,
      ...(ruleFaults.includes('hangs') ? { statementTimeoutMs: TIMEOUT_MS } : {}),
      ...(slotFault === 'away' ? { rulesDatabase: away } : {}),
    };
    if (slotFault === 'revoked') await database.none(`revoke select on keepwatch.observability_metrics from keepwatch_rules`);
    const slot = { slotMs: START + at * EVERY, isPartial: slotFault === 'lag', missed: 0 };
    assert.notEqual(await fixture.createEvaluator([group], options).evaluateGroup(group, slot), undefined);
    if (slotFault === 'revoked') await database.none(`grant select on keepwatch.observability_metrics to keepwatch_rules`);
  }

  const countBy = async (sql: string) =>
    Object.fromEntries(
      (await fixture.database.any<{ key: string; count: number }>(sql)).map(({ key, count }) => [key, count] as const),
    );
  const states = () =>
    countBy(`select state as key, count(*)::integer as count from keepwatch.alert_instance where rule like 'rule %' group by 1`);
  const messages = () =>
    countBy(
      `select reason as key, count(*)::integer as count from keepwatch.notification_outbox where rule like 'rule %' group by 1`,
    );

  it(`is not resolved in ${WINDOWS} windows of errors, timeouts, empty results, overflows and a lagging archive`, async () => {
    const { slots, windows } = plan();
    const faulty = slots.slice(3, -4);
    for (let index = 0; index < slots.length; index += 50) await insert(slots.slice(index, index + 50));
    for (const slot of slots.slice(0, 3)) await evaluate(slot);
    const all = RULES.length * SERIES;
    const toldOf = all - SERIES + MAX_MESSAGES;
    assert.deepEqual([await states(), await messages()], [{ firing: all }, { firing: toldOf }]);

    for (const slot of faulty) await evaluate(slot);
    assert.ok(windows >= WINDOWS);
    const ended = await fixture.database.any(
      `select rule, slot, from_state, to_state, reason from keepwatch.alert_transition
       where rule like 'rule %' and to_state in ('ok', 'recovering', 'pending') and from_state <> 'ok' limit 10`,
    );
    assert.deepEqual(ended, []);
    const { firing, resolved, nodata = 0 } = await messages();
    assert.deepEqual({ firing, resolved }, { firing: toldOf, resolved: undefined });
    assert.ok(nodata > 0, 'nodata is told where a rule asks for it');

    const moved = await fixture.database.any(
      `select rule_uid, slot, from_state, to_state, reason from keepwatch.alert_transition join keepwatch.alert_evaluation using (rule_uid, slot)
       where outcome = 'error' limit 10`,
    );
    assert.deepEqual(moved, [], 'an error moves nothing');

    const errors = await countBy(
      `select coalesce(sqlstate, error, outcome) as key, count(*)::integer as count from keepwatch.alert_evaluation
       where outcome = 'error' and rule like 'rule %' group by 1`,
    );
    const kinds = Object.keys(errors).join('\n');
    for (const kind of [
      /^22012$/m,
      /^57014$/m,
      /^42501$/m,
      /more than 50 series/,
      /two rows have the same labels/,
      /ECONNREFUSED/,
    ])
      assert.match(kinds, kind);

    const [look, ...clearing] = slots.slice(-4);
    assert.ok(look !== undefined);
    await evaluate(look);
    assert.deepEqual(await states(), { firing: all });
    const incidents = await fixture.database.one<{ count: number }>(
      `select count(distinct incident_id)::integer as count from keepwatch.alert_transition where rule like 'rule %'`,
    );
    assert.equal(incidents.count, all, 'each series is still in its first incident');
    for (const slot of clearing) await evaluate(slot);
    assert.deepEqual(await states(), { ok: all - SERIES, firing: SERIES }, 'all clear at last, but for the one that latches');
    assert.equal((await messages())['resolved'], toldOf - SERIES);
  });
});
