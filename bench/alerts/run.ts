// The alerts section: a thousand rules over rollups from the moment their slot is due to its commit; a slot of very many series; and what
// replicas cost that share the groups. All of it by the clock: the tick of production finds the slots.
import { setTimeout as delay } from 'node:timers/promises';
import { closeDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { ensureRoles } from '../../src/db/roles.ts';
import { type PostgresServer, startPostgres } from '../archive/postgres-server.ts';
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult } from '../report.ts';
import type { AlertsMethods } from './alerts-process.ts';
import { createRollups } from './past.ts';
import type { RuleKind } from './rules.ts';
import { measureSlot, type SlotCost } from './slot-cost.ts';
import { replicaTable, slotTable } from './tables.ts';

const SIZES = {
  full: {
    events: 10_000_000,
    groups: 100,
    everySeconds: 60,
    many: { groups: 10, rulesPerGroup: 10, series: 1000 },
    manySlots: 4,
    tickSeconds: 62,
  },
  quick: {
    events: 3_000_000,
    groups: 3,
    everySeconds: 3,
    many: { groups: 2, rulesPerGroup: 2, series: 50 },
    manySlots: 2,
    tickSeconds: 2,
  },
} as const;
const RULES_PER_GROUP = 10;
const SERIES_PER_RULE = 10;
const MINUTE = 60_000;
/** Of the three hours that rollups have minutes of, this is still to come when the benchmark begins. */
const AHEAD_MS = 120 * MINUTE;
const PASSWORD = 'rules';
const TABLES = [
  ...['alert_group', 'alert_instance', 'alert_evaluation', 'alert_transition', 'notification_outbox', 'notification_attempt'],
  ...['notification_change', 'notification_group', 'notification_member'],
]
  .map((name) => `keepwatch.${name}`)
  .join(', ');
/** So that Postgres tells when each group was committed. */
const SETTINGS = { track_commit_timestamp: 'on' };

/** Runs the alerts section. @throws MissingPartError without PostgreSQL's own programs */
export async function runAlerts(context: BenchContext): Promise<SectionResult> {
  const size = context.effort.isQuick ? SIZES.quick : SIZES.full;
  context.progress('alerts: starting PostgreSQL');
  const server = await startPostgres(context.folder, SETTINGS);
  context.onEnd(() => server.stop());
  const { database } = server;
  try {
    await migrate(database);
    await ensureRoles(database, { rulesPassword: PASSWORD });
    context.progress('alerts: rollups');
    const until = new Date(Math.floor(Date.now() / MINUTE) * MINUTE + AHEAD_MS);
    const events = await createRollups(database, { events: size.events, until });
    const { groups, everySeconds } = size;
    const rules = { kind: 'rollups', groups, rulesPerGroup: RULES_PER_GROUP, everySeconds } as const;
    const small = await measure(context, server, rules, context.effort.rounds);
    const known = await countSeries(database);
    const alone = await countTicks(context, server, { rules, replicas: 1, seconds: size.tickSeconds });
    const shared = await countTicks(context, server, { rules, replicas: 3, seconds: size.tickSeconds });
    const manyRules = { kind: 'many', ...size.many, everySeconds } as const;
    const many = await measure(context, server, manyRules, size.manySlots);
    const lost = many.reduce((sum, slot) => sum + slot.lost, 0);
    const expected = groups * RULES_PER_GROUP * SERIES_PER_RULE;
    return {
      name: 'alerts',
      notes: notesOf(events, server.version, size.tickSeconds),
      tables: [
        slotTable(`${describe(rules, SERIES_PER_RULE)}, every minute`, small, everySeconds),
        slotTable(describe(manyRules, size.many.series), many, everySeconds),
        replicaTable(alone, shared),
      ],
      problems: [
        ...(known === expected ? [] : [`${expected} series should have been seen, ${known} were`]),
        ...(lost === 0 ? [] : [`of the states and transitions of the many series ${lost} are not there`]),
        ...problemsOf([...small, ...many]),
      ],
    };
  } finally {
    await closeDatabase(database);
    await server.stop();
  }
}

/** Starts the alerts of one process on empty tables. */
async function startAlerts(
  { children }: BenchContext,
  server: PostgresServer,
  rules: RuleKind,
  replicas: number,
): Promise<Child<AlertsMethods>> {
  await server.database.none(`truncate ${TABLES}, keepwatch.alert_evaluator, keepwatch.alert_rule_set`);
  const child = children.start<AlertsMethods>('alerts/alerts-process.ts');
  const rulesUrl = Object.assign(new URL(server.url), { username: 'keepwatch_rules', password: PASSWORD }).href;
  await child.call('start', { url: server.url, rulesUrl, rules, replicas });
  return child;
}

/** Slots as they come, after the first one, which was due long ago. */
async function measure(context: BenchContext, server: PostgresServer, rules: RuleKind, slots: number): Promise<SlotCost[]> {
  context.progress(`alerts: ${describe(rules, rules.kind === 'many' ? rules.series : SERIES_PER_RULE)}`);
  const child = await startAlerts(context, server, rules, 1);
  const rounds: SlotCost[] = [];
  for (let slot = 0; slot <= slots; slot++) {
    context.progress(`alerts: slot ${slot}/${slots}`);
    const cost = await measureSlot(server.database, child, rules);
    if (slot > 0) rounds.push(cost);
    // Autovacuum is off: what it would do in the rest of the minute.
    await server.database.none('vacuum keepwatch.alert_instance, keepwatch.alert_group, keepwatch.alert_evaluator');
  }
  await child.stop();
  return rounds;
}

async function countTicks(
  context: BenchContext,
  server: PostgresServer,
  { rules, replicas, seconds }: { rules: RuleKind; replicas: number; seconds: number },
): Promise<number> {
  context.progress(`alerts: ${replicas} replicas`);
  const child = await startAlerts(context, server, rules, replicas);
  const before = await child.call('cost');
  await delay(seconds * 1000);
  const { statements } = await child.call('cost');
  await child.stop();
  return statements - before.statements;
}

async function countSeries(database: Database): Promise<number> {
  const newest = 'keepwatch.alert_group join keepwatch.alert_evaluation using (group_name) where slot = last_slot';
  return (await database.one<{ count: number }>(`select sum(series)::float8 as count from ${newest}`)).count;
}

/** What would make the figures those of something else. */
function problemsOf(rounds: readonly SlotCost[]): string[] {
  const failed = rounds.reduce((sum, { errors }) => sum + errors, 0);
  const missed = rounds.reduce((sum, round) => sum + round.missed, 0);
  return [
    ...(failed === 0 ? [] : [`${failed} evaluations of rules failed`]),
    ...(missed === 0 ? [] : [`${missed} slots of groups were left out`]),
  ];
}

function describe({ groups, rulesPerGroup }: RuleKind, series: number): string {
  const count = (value: number) => value.toLocaleString('en');
  return `${count(groups * rulesPerGroup)} rules in ${count(groups)} groups, ${count(groups * rulesPerGroup * series)} series`;
}

function notesOf(events: number, version: string, seconds: number): string[] {
  return [
    `Rollups of ${events.toLocaleString('en')} events of 30 days; a rule reads five minutes of ten names of them, a hundredth of the rules breaches. PostgreSQL ${version}, settings as in the section on the archive and track_commit_timestamp, over loopback.`,
    'The alerts run in a process of their own with the connections and the tick of production, and a receiver that takes every message. "ms" counts from the full minute that a slot is named after to the commit of a group, by the clock of Postgres: the wait for the tick is in it; no source lives, so that there is none for the archive. "% of a core" is what the backends take of the whole minute. Tables of states are vacuumed between slots, as autovacuum would.',
    'Of the many series each begins to fire in every third slot and ends in the next one, all of them at once; after each slot their states and transitions are counted, and none is missing.',
    `Replicas tick once a second for ${seconds} s, so that every group is evaluated at least once; the last line is the first one times three. Round trips are messages to Postgres, several statements in one count as one.`,
  ];
}
