// What is kept of alerts is what their inputs say, whatever happens between: random histories on real Postgres, by several evaluators at once,
// beside the same inputs worked out in memory from nothing.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { commitSlot } from '../../../src/alerts/commit.ts';
import type { DestinationsOf } from '../../../src/alerts/delivery/destination.ts';
import { evaluateRule } from '../../../src/alerts/evaluate.ts';
import type { StoredInstance } from '../../../src/alerts/instance-row.ts';
import { planEvaluation } from '../../../src/alerts/plan-evaluation.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { planRuleErrors, ruleErrorUid } from '../../../src/alerts/rule-error.ts';
import type { Slot, SlotChanges } from '../../../src/alerts/slot-changes.ts';
import { notificationOf, type Transition } from '../../../src/alerts/state.ts';
import { loadSql } from '../../../src/db/sql.ts';
import { type AlertsFixture, destinationsTo, openAlertsFixture } from '../../support/alerts.ts';
import { groupOf, NO_ANSWER, selectRows } from '../../support/rule-inputs.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 86_400_000) / MINUTE) * MINUTE;
const NAMES = ['a', 'b', 'c', 'd'];
const RECEIVERS = ['pager', 'mail'];
const TO_ALL: DestinationsOf = (_rules, alert) => destinationsTo(() => RECEIVERS)([{ notify: undefined }], alert);

/** Rules that between them use every policy. */
const RULES = [
  { alert: 'Keeps', clear_when: 'value < 5', for: '2m', keep_firing_for: '2m', on_error: { policy: 'alert', after: '1m' } },
  { alert: 'Misses', missing: { policy: 'nodata', after: 2 }, no_data: { policy: 'alert', after: 1 }, max_messages: 2 },
  {
    alert: 'Latches',
    steps: [
      { severity: 'warning', fire_when: 'value > 10' },
      { severity: 'critical', fire_when: 'value > 50' },
    ],
    latch: true,
    for: { samples: 2, of: 3 },
    missing: { policy: 'ok', after: 2 },
    expect: [{ name: 'z' }],
  },
] as const;

/** What a rule is given in a slot: a value per name (undefined: no row), or no answer. */
const input = fc.oneof(
  { weight: 8, arbitrary: fc.array(fc.constantFrom(0, 0, 7, 20, 20, 80, null, undefined), { minLength: 4, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant([] as (number | null | undefined)[]) },
  { weight: 1, arbitrary: fc.constant('error' as const) },
);
const slots = fc.array(
  fc.record({
    inputs: fc.tuple(input, input, input),
    gap: fc.constantFrom(1, 1, 1, 1, 3),
    isPartial: fc.constantFrom(false, false, false, false, true),
    evaluators: fc.constantFrom(1, 1, 3),
  }),
  { minLength: 20, maxLength: 30 },
);
type Given = { readonly inputs: readonly ('error' | readonly (number | null | undefined)[])[] };

function groupFor({ inputs }: Given): RuleGroup {
  return groupOf(
    ...RULES.map((rule, index) => {
      const given = inputs[index] ?? [];
      const rows =
        given === 'error' ? [] : given.flatMap((value, at) => (value === undefined ? [] : [{ name: NAMES[at] ?? '', value }]));
      return { ...rule, query: given === 'error' ? NO_ANSWER : selectRows(rows) };
    }),
  );
}

/** The same inputs from nothing, without Postgres. */
class Replay {
  readonly known = new Map<string, Map<string, StoredInstance>>();

  async apply(group: RuleGroup, slot: Slot, { rulesDatabase }: AlertsFixture): Promise<void> {
    const evaluations = await Promise.all(
      group.rules.map((rule) => evaluateRule(group.name, rule, slot.slotMs, { rulesDatabase })),
    );
    for (const evaluation of evaluations) {
      const { uid } = evaluation.rule;
      this.#keep(uid, planEvaluation(evaluation, this.#of(uid), { group, slot, destinationsOf: (alert) => TO_ALL([], alert) }));
    }
    const uid = ruleErrorUid(group.name);
    this.#keep(uid, planRuleErrors(evaluations, this.#of(uid), { group, slot }, TO_ALL));
  }

  #of(uid: string): Map<string, StoredInstance> {
    return this.known.get(uid) ?? new Map<string, StoredInstance>();
  }

  #keep(uid: string, { instances, gone }: SlotChanges): void {
    const own = this.#of(uid);
    for (const { fingerprint } of gone) own.delete(fingerprint);
    for (const instance of instances) own.set(instance.fingerprint, instance);
    this.known.set(uid, own);
  }
}

describe('State of alerts', function () {
  this.timeout(120_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  it('is what its inputs say, each slot once, and every change that people are owed is told or its silence recorded', async () => {
    await fc.assert(
      fc.asyncProperty(slots, async (history) => {
        await fixture.database.none(
          'truncate keepwatch.alert_group, keepwatch.alert_instance, keepwatch.alert_transition, keepwatch.alert_evaluation, keepwatch.notification_outbox, keepwatch.notification_attempt, keepwatch.notification_group, keepwatch.notification_member',
        );
        const replay = new Replay();
        let slotMs = START;
        for (const { gap, isPartial, evaluators, ...given } of history) {
          slotMs += gap * MINUTE;
          const slot = { slotMs, isPartial, missed: gap - 1 };
          const group = groupFor(given);
          const results = await Promise.all(
            Array.from({ length: evaluators }, () =>
              fixture.createEvaluator([group], { receivers: RECEIVERS, receiversOf: () => RECEIVERS }).evaluateGroup(group, slot),
            ),
          );
          assert.equal(results.filter((result) => result !== undefined).length, 1, 'one evaluator has the slot');
          await replay.apply(group, slot, fixture);
        }
        await checkState(replay);
        await checkEvaluations(history);
        // What one dispatcher left, as another was at work, the next tick finds.
        await fixture.dispatch();
        await checkMessages();
      }),
      // To shrink a history takes minutes.
      { numRuns: Number(process.env['REPLAY_RUNS'] ?? 3), endOnFailure: true },
    );
  });

  const order = (instances: readonly StoredInstance[]) =>
    [...instances].sort((one, other) => (one.rule_uid + one.fingerprint < other.rule_uid + other.fingerprint ? -1 : 1));

  async function checkState(replay: Replay): Promise<void> {
    const uids = [...replay.known.keys()];
    const stored = await fixture.database.any<StoredInstance>(loadSql('alerts/list-instances'), {
      uids,
      watched: uids,
      most: null,
    });
    assert.deepEqual(order(stored), order([...replay.known.values()].flatMap((own) => [...own.values()])));
  }

  async function checkEvaluations(history: readonly Given[]): Promise<void> {
    const counts = await fixture.database.any<{ count: number }>(
      'select count(*)::int as count from keepwatch.alert_evaluation group by slot, rule_uid',
    );
    assert.equal(counts.length, history.length * RULES.length);
    assert.ok(counts.every(({ count }) => count === 1));
    const moved = await fixture.database.any(
      `select from keepwatch.alert_transition join keepwatch.alert_evaluation using (slot, rule_uid) where outcome = 'error'`,
    );
    assert.equal(moved.length, 0, 'an error moves nothing');
    // That rows are back is true of a slot in part as well.
    const resolved = await fixture.database.any(
      `select from keepwatch.alert_transition join keepwatch.alert_evaluation using (slot, rule_uid)
       where partial and to_state = 'ok' and reason <> 'resumed'`,
    );
    assert.equal(resolved.length, 0, 'a slot in part ends nothing');
  }

  async function checkMessages(): Promise<void> {
    const transitions = await fixture.database.any<
      Record<string, string> & { suppressed: string | null; slot: string; id: string }
    >(
      `select id, (extract(epoch from slot) * 1000)::bigint::text as slot, incident_id, from_state, to_state, reason, suppressed
       from keepwatch.alert_transition order by id`,
    );
    const sent = await fixture.database.any<{ key: string }>(
      `select concat_ws(' ', incident_id, receiver, case reason when 'error' then 'firing' else reason end,
         (extract(epoch from (payload->>'slot')::timestamptz) * 1000)::bigint) as key
       from keepwatch.notification_outbox`,
    );
    const owed: string[] = [];
    /** Incidents that people know of, or would if they were told all; and those that they were told of. */
    const [known, told] = [new Set<string>(), new Set<string>()];
    for (const { suppressed, slot, incident_id, ...row } of transitions) {
      const transition = {
        from: row['from_state'],
        to: row['to_state'],
        reason: row['reason'],
        wasTold: known.has(incident_id ?? ''),
        ...(suppressed === 'latch' ? { suppressed } : {}),
      } as Transition;
      const reason = notificationOf(transition);
      if (reason === undefined) continue;
      known.add(incident_id ?? '');
      if (suppressed === null) owed.push(...RECEIVERS.map((receiver) => `${incident_id} ${receiver} ${reason} ${slot}`));
      if (reason !== 'resolved' && suppressed === null) told.add(incident_id ?? '');
      if (reason === 'resolved' && suppressed === null) assert.ok(told.has(incident_id ?? ''), 'no end without a beginning');
    }
    assert.deepEqual(sent.map(({ key }) => key).sort(), owed.sort());
  }

  it('is undone with its slot when the commit fails half-way, and done once when it is tried again', async () => {
    const group = groupOf({ query: selectRows([{ name: 'a', value: 20 }]) });
    const evaluator = fixture.createEvaluator([group]);
    await evaluator.evaluateGroup(group, { slotMs: START, isPartial: false, missed: 0 });
    const slot = { slotMs: START + MINUTE, isPartial: false, missed: 0 };
    const calm = groupOf({ query: selectRows([{ name: 'a', value: 0 }]) });
    await fixture.database.none(
      `create function keepwatch.refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
       create trigger refuse before insert on keepwatch.notification_change execute function keepwatch.refuse()`,
    );
    const states = () =>
      fixture.database.any(
        'select state, updated_at, alert_group.last_slot from keepwatch.alert_instance, keepwatch.alert_group',
      );
    const before = await states();
    const again = fixture.createEvaluator([calm]);
    await assert.rejects(again.evaluateGroup(calm, slot), /refused/);
    assert.deepEqual(await states(), before);
    await fixture.database.none('drop trigger refuse on keepwatch.notification_change');
    assert.deepEqual(await again.evaluateGroup(calm, slot), { notifications: 1 });
    assert.equal(await again.evaluateGroup(calm, slot), undefined);
  });

  it('is refused to who has lost the group', async () => {
    const group = groupOf({ query: selectRows([{ name: 'a', value: 20 }]) });
    const { database, rulesDatabase } = fixture;
    await fixture.createEvaluator([group]).evaluateGroup(group, { slotMs: START, isPartial: false, missed: 0 });
    const lease = await database.one<{ evaluatorId: string; epoch: number }>(
      'select evaluator_id as "evaluatorId", epoch::int - 1 as epoch from keepwatch.alert_group',
    );
    const options = {
      database,
      rulesDatabase,
      lease,
      receivers: RECEIVERS,
      destinationsOf: TO_ALL,
    };
    const slot = { slotMs: START + MINUTE, isPartial: false, missed: 0 };
    assert.equal(await commitSlot(group, slot, [], options), undefined);
    const current = { ...options, lease: { ...lease, epoch: lease.epoch + 1 } };
    assert.deepEqual(await commitSlot(group, slot, [], current), { notifications: 0 });
  });
});
