// While alerts fire, everything goes wrong that can: rules that fail, hang, give nothing, too much, or nonsense, a right or a column that is taken
// away, a session that is ended, a database that does not answer, an archive that lags. A window is a rule and a slot in which something is wrong,
// and each is recorded as what it is. None may end an incident or tell of its end. Seeded; `npm run test:faults` for the long form.
import assert from 'node:assert/strict';
import { createRandom, type Random } from '../../../demo/random.ts';
import type { EvaluatorOptions } from '../../../src/alerts/evaluator.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { freePort } from '../../support/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

const EVERY = 5000;
const WINDOWS = Number(process.env['FAULT_WINDOWS'] ?? 5000);
const SERIES = 10;
const MAX_SERIES = 50;
/** Of one rule: states of all its series are kept, and three of them are told. */
const MAX_MESSAGES = 3;
/** In slots in which a query hangs. On a busy machine it cuts off others besides, which is the same fault. */
const TIMEOUT_MS = 150;
const PATIENT_MS = 60_000;

/** What a rule is told to do, by the value of an event named `fault` (its place here); see `queryOf`. */
const RULE_FAULTS = ['none', 'division', 'empty', 'half', 'overflow', 'null', 'nan', 'twins', 'hangs', 'large'] as const;
type RuleFault = (typeof RULE_FAULTS)[number];
/** Some take time: one of them in a slot, and not in each. */
const SLOW_FAULTS = ['hangs', 'large'] as const satisfies readonly RuleFault[];
const QUICK_FAULTS = RULE_FAULTS.slice(0, -SLOW_FAULTS.length);
/** What happens to all rules at once; `cut`: the session of the one rule that hangs is ended by an administrator. */
const SLOT_FAULTS = [...Array<'none'>(12).fill('none'), 'lag', 'lag', 'lag', 'lag', 'revoked', 'away', 'column', 'cut'] as const;
type SlotFault = (typeof SLOT_FAULTS)[number];
type Fault = Exclude<RuleFault | SlotFault, 'none'>;

/** What is recorded of the evaluation of a window: outcome, SQLSTATE, error, and whether the archive lagged. */
const RECORDED: Readonly<Record<Fault, RegExp>> = {
  division: /^error 22012/,
  empty: /^ok/,
  half: /^ok/,
  overflow: /^error.* more than 50 series/,
  null: /^ok/,
  nan: /^ok/,
  twins: /^error.* two rows have the same labels/,
  hangs: /^error 57014/,
  large: /^error.* larger than/,
  lag: /^ok.* partial$/,
  revoked: /^error 42501/,
  away: /^error.*ECONNREFUSED/,
  column: /^error 42703/,
  cut: /^error 57P01/,
};

/** Every policy under which an alert may not end by itself; the last one may, where rows are missing for sure: see `planSlot`. */
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
  { fire_when: 'value > 10', missing: { policy: 'ok', after: 1 }, no_data: { policy: 'ok', after: 1 } },
];
const ENDS_WITHOUT_ROWS = POLICIES.length - 1;

function queryOf(rule: string): string {
  return `with events as materialized (
      select name, duration_ms from keepwatch.observability_metrics where service = '${rule}' and end_time = :now
    ), fault as materialized (
      select coalesce(max(duration_ms) filter (where name = 'fault'), 0)::integer as kind from events
    )
    select name || case when n > 2 then n::text else '' end
        || case kind when ${kindOf('large')} then (select string_agg(md5(i::text), '') from generate_series(1, 60000) i) else '' end as series,
      case kind when ${kindOf('division')} then (1 / (kind - ${kindOf('division')}))::float8 when ${kindOf('null')} then null
        when ${kindOf('nan')} then 'NaN'::float8 else duration_ms end as value
    from fault, events, generate_series(1, 10) n
    where name <> 'fault' and kind <> ${kindOf('empty')} and not (kind = ${kindOf('half')} and name < 'series 5')
      and (n = 1 or kind = ${kindOf('overflow')} or (kind = ${kindOf('twins')} and n = 2))
      and (kind <> ${kindOf('hangs')} or (select count(*) from generate_series(1, 2000000000)) > 0)`;
}

function kindOf(fault: RuleFault): number {
  return RULE_FAULTS.indexOf(fault);
}

const RULES = POLICIES.map((policy, index) => ({ alert: `rule ${index}`, query: queryOf(`rule ${index}`), ...policy }));
const RULE_FILE = JSON.stringify({ groups: [{ name: 'g', every: '5s', rules: RULES }] });
const NO_FAULTS = RULES.map((): RuleFault => 'none');

/** What a slot holds: a value for all series, and what is wrong with it. */
interface PlannedSlot {
  /** Counted from the start. */
  readonly slot: number;
  readonly value: number;
  readonly slotFault: SlotFault;
  readonly ruleFaults: readonly RuleFault[];
}

/** What goes wrong in the slot of a rule; undefined where nothing does. */
function faultOf({ slotFault, ruleFaults }: PlannedSlot, rule: number): Fault | undefined {
  const ruleFault = ruleFaults[rule] ?? 'none';
  if (slotFault === 'cut') return ruleFault === 'none' ? undefined : 'cut';
  if (slotFault !== 'none') return slotFault;
  return ruleFault === 'none' ? undefined : ruleFault;
}

/** Three slots to fire in, slots of faults and now and then a good one, one to see what fires, three to clear in. */
function plan(): PlannedSlot[] {
  const random = createRandom(6);
  const good = (slot: number, value: number): PlannedSlot => ({ slot, value, slotFault: 'none', ruleFaults: NO_FAULTS });
  const slots = [1, 2, 3].map((slot) => good(slot, 20));
  let slot = 3;
  for (let windows = 0; windows < WINDOWS; ) {
    // Now and then nobody evaluates a slot.
    slot += random.next() < 0.05 ? 2 : 1;
    const planned = planSlot(slot, random);
    slots.push(planned);
    windows += RULES.filter((_, rule) => faultOf(planned, rule) !== undefined).length;
  }
  for (const value of [20, 0, 0, 0]) slots.push(good(++slot, value));
  return slots;
}

function planSlot(slot: number, random: Random): PlannedSlot {
  const slotFault = random.pick(SLOT_FAULTS);
  const value = slotFault === 'lag' ? 0 : 20;
  const planned = { slot, value, slotFault };
  switch (slotFault) {
    case 'none': {
      const faults = random.next() < 0.1 ? [...QUICK_FAULTS, random.pick(SLOW_FAULTS)] : QUICK_FAULTS;
      const drawn = RULES.map(() => (random.next() < 0.95 ? random.pick(faults) : 'none'));
      // That its series are gone is what ends the alerts of this one, and no fault.
      const ruleFaults = drawn.map((fault, rule) =>
        rule === ENDS_WITHOUT_ROWS && /empty|half/.test(fault) ? 'division' : fault,
      );
      return { ...planned, ruleFaults };
    }
    case 'lag':
      // What the archive lags behind with looks as if all were well, or gone.
      return { ...planned, ruleFaults: RULES.map(() => random.pick(['none', 'empty', 'half'])) };
    case 'cut': {
      const cut = random.below(RULES.length);
      return { ...planned, ruleFaults: RULES.map((_, rule) => (rule === cut ? 'hangs' : 'none')) };
    }
    default:
      return { ...planned, ruleFaults: NO_FAULTS };
  }
}

describe('An alert that fires', function () {
  this.timeout(60_000 + WINDOWS * 60);
  const slots = plan();
  const startMs = Math.floor((Date.now() - 3_600_000) / EVERY - (slots.at(-1)?.slot ?? 0)) * EVERY;
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

  async function insert(given: readonly PlannedSlot[]): Promise<void> {
    const events = given.flatMap(({ slot, value, ruleFaults }) =>
      ruleFaults.flatMap((fault, rule) => {
        const common = { slot, service: `rule ${rule}` };
        const series = Array.from({ length: SERIES }, (_, index) => ({ ...common, name: `series ${index}`, value }));
        return fault === 'none' ? series : [...series, { ...common, name: 'fault', value: kindOf(fault) }];
      }),
    );
    await fixture.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
       select gen_random_uuid(), at, at, value, 1, name, 'api', 'success', service
       from jsonb_to_recordset($<events:json>::jsonb) as given(slot integer, service text, name text, value float8),
         lateral (select to_timestamp(($<startMs> + slot * 5000::float8) / 1000) as at) times`,
      { events, startMs },
    );
  }

  const ask = async ({ slot: at, slotFault }: PlannedSlot, options: Partial<EvaluatorOptions> = {}) => {
    const slot = { slotMs: startMs + at * EVERY, isPartial: slotFault === 'lag', missed: 0 };
    const evaluator = fixture.createEvaluator([group], { maxSeries: MAX_SERIES, ...options });
    assert.notEqual(await evaluator.evaluateGroup(group, slot), undefined);
  };

  async function evaluate(planned: PlannedSlot): Promise<void> {
    const { database } = fixture;
    const between = async (before: string, after: string) => {
      await database.none(before);
      await ask(planned);
      await database.none(after);
    };
    switch (planned.slotFault) {
      case 'revoked':
        return between(
          'revoke select on keepwatch.observability_metrics from keepwatch_rules',
          'grant select on keepwatch.observability_metrics to keepwatch_rules',
        );
      case 'column':
        return between(
          'alter table keepwatch.observability_metrics rename column duration_ms to gone',
          'alter table keepwatch.observability_metrics rename column gone to duration_ms',
        );
      case 'away':
        return ask(planned, { rulesDatabase: away });
      case 'cut':
        await Promise.all([ask(planned, { statementTimeoutMs: PATIENT_MS }), endSession(planned.ruleFaults.indexOf('hangs'))]);
        return;
      default:
        return ask(planned, planned.ruleFaults.includes('hangs') ? { statementTimeoutMs: TIMEOUT_MS } : {});
    }
  }

  /** Of the rule that hangs. */
  async function endSession(rule: number): Promise<void> {
    const end = `select pg_terminate_backend(pid) from pg_stat_activity
      where usename = 'keepwatch_rules' and datname = current_database() and state = 'active' and strpos(query, $1) > 0
        and query_start < clock_timestamp() - interval '50 ms'`;
    await waitFor(async () => (await fixture.database.any(end, [`service = 'rule ${rule}'`])).length > 0, {
      timeoutMs: PATIENT_MS,
      what: 'the query that hangs',
    });
  }

  const countBy = async (sql: string) =>
    Object.fromEntries(
      (await fixture.database.any<{ key: string; count: number }>(sql)).map(({ key, count }) => [key, count] as const),
    );
  const states = () =>
    countBy(
      `select state as key, count(*)::integer as count from keepwatch.alert_instance where rule like 'rule %' and state <> 'ok' group by 1
       union all
       select 'ok', sum(ok_series)::integer from keepwatch.alert_group join keepwatch.alert_evaluation using (group_name)
       where slot = last_slot and rule like 'rule %' having sum(ok_series) > 0`,
    );
  const messages = () =>
    countBy(
      `select reason as key, count(*)::integer as count from keepwatch.notification_outbox where rule like 'rule %' group by 1`,
    );

  /** How many windows each fault had, once it is sure that each of them was recorded as it was meant. */
  async function countWindows(faulty: readonly PlannedSlot[]): Promise<ReadonlyMap<string, number>> {
    const rows = await fixture.database.any<{ key: string; found: string }>(
      `select rule || ' ' || (extract(epoch from slot) * 1000)::bigint as key,
         concat_ws(' ', outcome, sqlstate, error, case when partial then 'partial' end) as found
       from keepwatch.alert_evaluation where rule like 'rule %'`,
    );
    const recorded = new Map(rows.map(({ key, found }) => [key, found]));
    const counts = new Map<string, number>();
    for (const planned of faulty) {
      const mayBeCutOff = planned.slotFault === 'none' && planned.ruleFaults.includes('hangs');
      for (const [rule, { alert }] of RULES.entries()) {
        const fault = faultOf(planned, rule);
        if (fault === undefined) continue;
        const found = recorded.get(`${alert} ${startMs + planned.slot * EVERY}`) ?? 'nothing';
        const met = mayBeCutOff && RECORDED.hangs.test(found) ? 'hangs' : fault;
        assert.match(found, RECORDED[met], `${alert}, slot ${planned.slot}: ${fault}`);
        counts.set(met, (counts.get(met) ?? 0) + 1);
      }
    }
    return counts;
  }

  it(`is not resolved in ${WINDOWS} windows of errors, timeouts, empty results, overflows and a lagging archive`, async () => {
    const faulty = slots.slice(3, -4);
    for (let index = 0; index < slots.length; index += 50) await insert(slots.slice(index, index + 50));
    for (const slot of slots.slice(0, 3)) await evaluate(slot);
    const all = RULES.length * SERIES;
    const toldOf = all - SERIES + MAX_MESSAGES;
    assert.deepEqual([await states(), await messages()], [{ firing: all }, { firing: toldOf }]);

    for (const slot of faulty) await evaluate(slot);
    const counts = await countWindows(faulty);
    const windows = [...counts.values()].reduce((sum, count) => sum + count, 0);
    console.log(`      ${windows} windows in ${faulty.length} slots: ${[...counts].map((each) => each.join(' ')).join(', ')}`);
    assert.ok(windows >= WINDOWS);
    assert.deepEqual([...counts.keys()].sort(), Object.keys(RECORDED).sort());
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
       where outcome = 'error' or partial and to_state <> 'firing' limit 10`,
    );
    assert.deepEqual(moved, [], 'an error moves nothing, and a lagging archive nothing but to firing');

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
