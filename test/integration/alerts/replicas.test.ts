// Ten replicas of an evaluator, killed, stopped and cut off at random: each slot is committed once, somebody takes over in time, and the
// database hears hardly more than from one. `npm run test:replicas` does so for longer.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../../demo/random.ts';
import { type Machine, watchMachine } from '../../support/machine.ts';
import { type PlayedFault, ReplicaSite, RULES_PER_GROUP } from '../../support/replica-site.ts';
import { needTool } from '../../support/tools.ts';
import { waitFor } from '../../support/wait-for.ts';

const SECONDS = Number(process.env['REPLICAS_SECONDS'] ?? 30);
const SEED = Number(process.env['REPLICAS_SEED'] ?? 1);
const GROUPS = 5;
const REPLICAS = 10;
/** A lease of 6 s, a look every 2.5 s, a tick each second. */
const FAILOVER_MS = 10_000;
/** Two looks of one that stands by. */
const SETTLE_MS = 5000;

interface GroupRecord {
  readonly group_name: string;
  readonly slots: number;
  readonly expected: number;
  readonly missed: number;
  readonly uneven: number;
}

/** A time without an evaluation of a group, longer than from slot to slot. */
interface Gap {
  readonly group_name: string;
  readonly from_ms: number;
  readonly to_ms: number;
}

describe('replicas of an evaluator', function () {
  this.timeout(SECONDS * 2000 + 600_000);
  let site: ReplicaSite;
  before(async function () {
    site = await ReplicaSite.open({ postgres: needTool(this, 'postgres'), pgbouncer: needTool(this, 'pgbouncer') }, GROUPS);
  });
  let machine: Machine | undefined;
  after(async () => {
    await machine?.stop();
    await site?.close();
  });

  const committedSlots = async () =>
    (
      await site.database.one<{ slots: number }>(
        'select count(distinct (group_name, slot))::int as slots from keepwatch.alert_evaluation',
      )
    ).slots;
  /** What the server is asked for while `work` lasts, for each slot that is committed meanwhile. */
  const perSlot = async (work: () => Promise<void>) => {
    const before = await committedSlots();
    await site.countStatements();
    const startedAt = performance.now();
    await work();
    const { rules, looks, all } = await site.countStatements();
    const seconds = (performance.now() - startedAt) / 1000;
    const slots = (await committedSlots()) - before;
    return { rules: rules / slots, all: all / slots, looks: looks / seconds, slots, seconds };
  };
  const records = () =>
    site.database.any<GroupRecord>(`
      with slot as (select group_name, slot, count(*) as rules from keepwatch.alert_evaluation group by group_name, slot)
      select group_name, count(*)::int as slots, (extract(epoch from max(slot) - min(slot)) + 1)::int as expected,
        (select missed::int from keepwatch.alert_group where alert_group.group_name = slot.group_name) as missed,
        (count(*) filter (where rules <> ${RULES_PER_GROUP}))::int as uneven
      from slot group by group_name order by group_name`);
  /** Those that ended after a moment. */
  const gapsAfter = (hurtFromMs: number) =>
    site.database.any<Gap>(
      `with evaluated as (select distinct group_name, evaluated_at as at from keepwatch.alert_evaluation),
        gap as (select group_name, lag(at) over (partition by group_name order by at) as before, at from evaluated)
      select group_name, (extract(epoch from before) * 1000)::float8 as from_ms, (extract(epoch from at) * 1000)::float8 as to_ms
      from gap where at > $<hurtFrom> and at - before > interval '3 seconds' order by at - before desc`,
      { hurtFrom: new Date(hurtFromMs) },
    );

  it('commit each slot once, take over within 10 s, and ask for no more than one does', async () => {
    await site.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
       values (gen_random_uuid(), now(), now(), 1, 1, 'x', 'api', 'success', 'shop')`,
    );
    await site.add(1);
    await waitFor(async () => (await committedSlots()) >= 2 * GROUPS, { timeoutMs: 60_000 });
    const alone = await perSlot(() => delay(8000));
    await site.add(REPLICAS - 1);
    // What each asks once, as it comes to stand by, belongs to its start.
    await delay(SETTLE_MS);
    const calm = await perSlot(() => delay(8000));

    const random = createRandom(SEED);
    const played: PlayedFault[] = [];
    const hurtFromMs = Date.now();
    machine = watchMachine(() => site.database.any('select 1'));
    const { lateMs } = machine;
    const statements = alone.all * GROUPS;
    const hurt = await perSlot(async () => {
      const endMs = performance.now() + SECONDS * 1000;
      while (performance.now() < endMs) {
        // One failover after the other: who suffers while others are still away is left to chance.
        await waitFor(() => site.isEvaluated(), { timeoutMs: 60_000, what: 'somebody who takes over' });
        const fault = await site.hurt(random);
        if (fault !== undefined) played.push(fault);
        await delay(200 + random.below(1500));
      }
    });
    await site.heal();
    const before = await committedSlots();
    await waitFor(async () => (await committedSlots()) >= before + 2 * GROUPS, {
      timeoutMs: 60_000,
      what: 'slots after the last fault',
    });
    await site.removeAll();

    const found = await records();
    const failovers = (await gapsAfter(hurtFromMs)).map((gap) =>
      toFailover(gap, played, (from, to) => lateMs(from, to, statements)),
    );
    console.log(`      ${played.length} faults in ${SECONDS} s: ${countKinds(played)}`);
    console.log(`      queries of rules a slot: alone ${alone.rules}, ten ${calm.rules}, hurt ${hurt.rules.toFixed(3)}`);
    console.log(
      `      statements a slot: alone ${alone.all.toFixed(2)}, ten ${calm.all.toFixed(2)}, hurt ${hurt.all.toFixed(2)}`,
    );
    for (const { text } of failovers.slice(0, 5)) console.log(`      ${text}`);
    site.refuseDeaths();
    assert.equal(found.length, GROUPS);
    for (const group of found) {
      assert.equal(
        group.slots + group.missed,
        group.expected,
        `${group.group_name}: every slot is committed, or counted as missed`,
      );
      assert.equal(group.uneven, 0, `${group.group_name}: every slot has each rule once`);
    }
    assert.deepEqual(
      failovers.filter(({ ms, lateMs: late }) => ms > FAILOVER_MS + late).map(({ text }) => text),
      [],
      'somebody takes over within 10 s',
    );
    assert.deepEqual(
      await site.database.any(
        `select rule, from_state, to_state, count(*)::int as count from keepwatch.alert_transition group by 1, 2, 3`,
      ),
      [{ rule: 'Loud', from_state: 'ok', to_state: 'firing', count: GROUPS }],
      'one incident a group, whoever evaluates it',
    );
    assert.ok(hurt.rules <= 1.05 * RULES_PER_GROUP, `${hurt.rules} queries of rules a slot, which has ${RULES_PER_GROUP}`);
    // Nine that stand by ask by the clock, 0.4 a second each (leases.test.ts): on a busy machine, which evaluates fewer slots, as much as on one that has time.
    const more = (calm.all * calm.slots - askedByOne(alone, calm)) / calm.seconds;
    const byOne = alone.all * GROUPS;
    assert.ok(more <= 0.05 * byOne, `ten ask ${more.toFixed(1)} statements a second more than one, who asks ${byOne.toFixed(1)}`);
  });
});

interface Asked {
  /** In a slot. */
  readonly all: number;
  /** In a second. */
  readonly looks: number;
  readonly slots: number;
  readonly seconds: number;
}

/** What one replica would have asked in the same time for the same slots. */
function askedByOne(alone: Asked, { slots, seconds }: Pick<Asked, 'slots' | 'seconds'>): number {
  const ofSlot = alone.all - (alone.looks * alone.seconds) / alone.slots;
  return ofSlot * slots + alone.looks * seconds;
}

function countKinds(played: readonly PlayedFault[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of played) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
}

/** From the fault in a gap (there is one at most, as each waits until the one before is got over), else from its beginning. */
function toFailover(gap: Gap, played: readonly PlayedFault[], lateBetween: (fromMs: number, toMs: number) => number) {
  const fault = played.find(({ atMs }) => atMs >= gap.from_ms && atMs <= gap.to_ms);
  const fromMs = fault?.atMs ?? gap.from_ms;
  const [ms, lateMs] = [gap.to_ms - fromMs, lateBetween(fromMs, gap.to_ms)];
  const after = fault === undefined ? 'without a fault' : `after ${fault.kind}${fault.isToHolder ? ' of its holder' : ''}`;
  const text = `${gap.group_name}: nobody for ${(ms / 1000).toFixed(1)} s ${after}, of which the machine took ${(lateMs / 1000).toFixed(1)}`;
  return { ms, lateMs, text };
}
