// What one slot of all groups costs, found as it comes: when each group was committed, and the CPU time of the backends and of the process.
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../src/db/database.ts';
import { cpuNsBetween, readServerState } from '../archive/server-cost.ts';
import type { Child } from '../children.ts';
import type { AlertsMethods } from './alerts-process.ts';
import type { RuleKind } from './rules.ts';

/** One slot of all groups. */
export interface SlotCost {
  /** From the moment that the slot is named after to the commit of each group. */
  readonly latenciesMs: readonly number[];
  readonly backendMs: number;
  readonly cpuMs: number;
  readonly statements: number;
  readonly rssBytes: number;
  /** Evaluations that failed. */
  readonly errors: number;
  /** Slots that groups left out before it. */
  readonly missed: number;
  /** Of many series: states and transitions that are not there. */
  readonly lost: number;
}

/** Well before a slot and long enough after all of the last one. */
const BEFORE_MS = 500;
const POLL_MS = 250;

/** Waits for the next slot, until all groups have committed it, and to just before the one that follows. @throws when that takes too long */
export async function measureSlot(database: Database, child: Child<AlertsMethods>, rules: RuleKind): Promise<SlotCost> {
  const everyMs = rules.everySeconds * 1000;
  const slotMs = Math.ceil((Date.now() + BEFORE_MS) / everyMs) * everyMs;
  await until(slotMs - BEFORE_MS);
  const [missedBefore, costBefore, before] = [
    await countMissed(database),
    await child.call('cost'),
    await readServerState(database),
  ];
  await waitForSlot(database, slotMs, rules);
  const committed = await readServerState(database);
  // A backend that nobody uses ends after half a minute: what it took would be gone.
  await until(Math.max(Date.now(), slotMs + everyMs - 2 * BEFORE_MS));
  const [cost, after] = [await child.call('cost'), await readServerState(database)];
  const latencies = await database.any<{ ms: number }>(
    `select (extract(epoch from pg_xact_commit_timestamp(xmin) - slot) * 1000)::float8 as ms
     from keepwatch.alert_evaluation where slot = $<slot> and rule = 'Rule0'`,
    { slot: new Date(slotMs) },
  );
  const { errors } = await database.one<{ errors: number }>(
    `select count(*)::integer as errors from keepwatch.alert_evaluation where slot = $<slot> and outcome = 'error'`,
    { slot: new Date(slotMs) },
  );
  return {
    latenciesMs: latencies.map(({ ms }) => ms),
    backendMs: (cpuNsBetween(before, committed) + cpuNsBetween(committed, after)) / 1e6,
    cpuMs: cost.cpuMs - costBefore.cpuMs,
    statements: cost.statements - costBefore.statements,
    rssBytes: cost.rssBytes,
    errors,
    missed: (await countMissed(database)) - missedBefore,
    lost: rules.kind === 'many' ? await countLost(database, slotMs, rules) : 0,
  };
}

/** In one slot of three all series fire, and in the next one they are over. */
async function countLost(database: Database, slotMs: number, rules: RuleKind & { readonly kind: 'many' }): Promise<number> {
  const all = rules.groups * rules.rulesPerGroup * rules.series;
  const turn = (slotMs / 1000 / rules.everySeconds) % 3;
  const { firing, changed } = await database.one<{ firing: number; changed: number }>(
    `select (select count(*)::integer from keepwatch.alert_instance where state = 'firing') as firing,
       (select count(*)::integer from keepwatch.alert_transition where slot = $<slot>) as changed`,
    { slot: new Date(slotMs) },
  );
  return Math.abs(firing - (turn === 2 ? all : 0)) + Math.abs(changed - (turn === 1 ? 0 : all));
}

async function waitForSlot(database: Database, slotMs: number, { groups, everySeconds }: RuleKind): Promise<void> {
  const endsAtMs = slotMs + Math.max(60_000, 2000 * everySeconds);
  for (;;) {
    const { count } = await database.one<{ count: number }>(
      `select count(*)::integer as count from keepwatch.alert_evaluation where slot = $<slot> and rule = 'Rule0'`,
      { slot: new Date(slotMs) },
    );
    if (count === groups) return;
    if (Date.now() > endsAtMs) throw new Error(`${groups - count} of ${groups} groups have not committed their slot`);
    await delay(POLL_MS);
  }
}

async function countMissed(database: Database): Promise<number> {
  return (await database.one<{ missed: number }>('select coalesce(sum(missed), 0)::integer as missed from keepwatch.alert_group'))
    .missed;
}

async function until(ms: number): Promise<void> {
  await delay(Math.max(0, ms - Date.now()));
}
