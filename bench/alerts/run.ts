// The alerts section: a thousand rules over rollups from the moment their slot is due to its commit; a slot of very many series; and what
// replicas cost that share the groups.
import { closeDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { ensureRoles } from '../../src/db/roles.ts';
import { type PostgresServer, startPostgres } from '../archive/postgres-server.ts';
import { cpuNsBetween, readServerState } from '../archive/server-cost.ts';
import type { Child } from '../children.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult, Table } from '../report.ts';
import { estimate } from '../statistics.ts';
import type { EvaluatorMethods, SlotCost } from './evaluator-process.ts';
import { createRollups } from './past.ts';
import type { RuleKind } from './rules.ts';

const SIZES = {
  full: { events: 10_000_000, groups: 100, many: { groups: 10, rulesPerGroup: 10, series: 1000 }, tickSeconds: 62 },
  quick: { events: 3_000_000, groups: 3, many: { groups: 2, rulesPerGroup: 2, series: 50 }, tickSeconds: 2 },
} as const;
const RULES_PER_GROUP = 10;
const SERIES_PER_RULE = 10;
const WARM_UPS = 3;
const MINUTE = 60_000;
const PASSWORD = 'rules';
const TABLES =
  'keepwatch.alert_group, keepwatch.alert_instance, keepwatch.alert_evaluation, keepwatch.alert_transition, keepwatch.notification_outbox';

interface Round extends SlotCost {
  readonly backendMs: number;
}

/** Runs the alerts section. @throws MissingPartError without PostgreSQL's own programs */
export async function runAlerts(context: BenchContext): Promise<SectionResult> {
  const size = context.effort.isQuick ? SIZES.quick : SIZES.full;
  context.progress('alerts: starting PostgreSQL');
  const server = await startPostgres(context.folder);
  context.onEnd(() => server.stop());
  const { database } = server;
  try {
    await migrate(database);
    await ensureRoles(database, { rulesPassword: PASSWORD });
    context.progress('alerts: rollups');
    const untilMs = Math.floor(Date.now() / MINUTE) * MINUTE + 180 * MINUTE;
    const events = await createRollups(database, { events: size.events, until: new Date(untilMs) });
    const rules = { kind: 'rollups', groups: size.groups, rulesPerGroup: RULES_PER_GROUP } as const;
    const small = await measure(context, server, { rules, slots: context.effort.rounds, untilMs });
    const state = await countSeries(database);
    const alone = await countTicks(context, server, { rules, replicas: 1, seconds: size.tickSeconds });
    const shared = await countTicks(context, server, { rules, replicas: 3, seconds: size.tickSeconds });
    const manyRules = { kind: 'many', ...size.many } as const;
    const many = await measure(context, server, { rules: manyRules, slots: 6, untilMs });
    const lost = size.many.groups * size.many.rulesPerGroup * size.many.series - (await countSeries(database));
    const expected = size.groups * RULES_PER_GROUP * SERIES_PER_RULE;
    return {
      name: 'alerts',
      notes: notesOf(events, server.version, size.tickSeconds),
      tables: [
        slotTable(`${describe(rules, SERIES_PER_RULE)}, every minute`, small),
        slotTable(describe(manyRules, size.many.series), many),
        replicaTable(alone, shared),
      ],
      problems: [
        ...(state === expected ? [] : [`${expected} series should be known, ${state} are`]),
        ...(lost === 0 ? [] : [`of the many series ${lost} are not known`]),
      ],
    };
  } finally {
    await closeDatabase(database);
    await server.stop();
  }
}

async function startEvaluators(
  { children }: BenchContext,
  server: PostgresServer,
  rules: RuleKind,
  replicas: number,
): Promise<Child<EvaluatorMethods>> {
  await server.database.none(`truncate ${TABLES}, keepwatch.alert_evaluator, keepwatch.alert_rule_set`);
  const child = children.start<EvaluatorMethods>('alerts/evaluator-process.ts');
  const rulesUrl = Object.assign(new URL(server.url), { username: 'keepwatch_rules', password: PASSWORD }).href;
  await child.call('setUp', { url: server.url, rulesUrl, rules, replicas });
  return child;
}

/** Slots one after the other, of which each would have a minute. */
async function measure(
  context: BenchContext,
  server: PostgresServer,
  { rules, slots, untilMs }: { rules: RuleKind; slots: number; untilMs: number },
): Promise<Round[]> {
  const child = await startEvaluators(context, server, rules, 1);
  // Leases the groups; the slots that follow are in what is still to come.
  await child.call('tick', 1);
  const rounds: Round[] = [];
  const isMany = rules.kind === 'many';
  for (let slot = isMany ? 0 : -WARM_UPS; slot < slots; slot++) {
    context.progress(`alerts: slot ${Math.max(0, slot) + 1}/${slots}`);
    const before = await readServerState(server.database);
    const cost = await child.call('evaluate', untilMs - 90 * MINUTE + slot * MINUTE);
    const backendMs = cpuNsBetween(before, await readServerState(server.database)) / 1e6;
    if (slot >= 0) rounds.push({ ...cost, backendMs });
    // Autovacuum is off: what it would do in the rest of the minute.
    await server.database.none('vacuum keepwatch.alert_instance, keepwatch.alert_group');
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
  const child = await startEvaluators(context, server, rules, replicas);
  const statements = await child.call('tick', seconds);
  await child.stop();
  return statements;
}

async function countSeries(database: Database): Promise<number> {
  return (await database.one<{ count: number }>('select count(*)::float8 as count from keepwatch.alert_instance')).count;
}

function describe({ groups, rulesPerGroup }: RuleKind, series: number): string {
  const count = (value: number) => value.toLocaleString('en');
  return `${count(groups * rulesPerGroup)} rules in ${count(groups)} groups, ${count(groups * rulesPerGroup * series)} series`;
}

function slotTable(title: string, rounds: readonly Round[]): Table {
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b);
  const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1] ?? Number.NaN;
  const cells = [
    estimate(rounds.map(({ latenciesMs }) => Math.max(...latenciesMs))),
    p99,
    estimate(rounds.map(({ backendMs }) => backendMs)),
    estimate(rounds.map(({ backendMs }) => (backendMs / MINUTE) * 100)),
    estimate(rounds.map(({ cpuMs }) => cpuMs)),
    estimate(rounds.map(({ statements }) => statements)),
    Math.max(...rounds.map(({ rssBytes }) => rssBytes)) / 2 ** 20,
  ];
  const columns = [
    { name: 'ms to the last commit', digits: 0 },
    { name: 'p99 of groups, ms', digits: 0 },
    { name: 'backend CPU ms', digits: 0 },
    { name: '% of a core', digits: 1 },
    { name: 'evaluator CPU ms', digits: 0 },
    { name: 'round trips', digits: 0 },
    { name: 'RSS, MB at most', digits: 0 },
  ];
  return { title, columns, rows: [{ contender: 'a slot', cells }] };
}

function replicaTable(alone: number, shared: number): Table {
  const columns = [
    { name: 'round trips', digits: 0 },
    { name: 'to one replica', digits: 2 },
  ];
  const rows = [
    { contender: 'one replica', cells: [alone, 1] },
    { contender: 'three replicas that lease groups', cells: [shared, shared / alone] },
    { contender: 'three replicas that each evaluate every rule', cells: [alone * 3, 3] },
  ];
  return { title: 'Replicas', columns, rows };
}

function notesOf(events: number, version: string, seconds: number): string[] {
  return [
    `Rollups of ${events.toLocaleString('en')} events of 30 days; a rule reads five minutes of ten names of them, a hundredth of the rules breaches. PostgreSQL ${version}, settings as in the section on the archive, over loopback.`,
    'A slot is evaluated for all groups at once, four at a time, as an evaluator does; "ms" counts from that moment to the commit of a group. "% of a core" is what the backends take of the minute that a slot has. Tables of states are vacuumed between slots, as autovacuum would.',
    'Of the many series each changes its state in every third slot, all of them at once.',
    `Replicas tick once a second for ${seconds} s, so that every group is evaluated at least once; the last line is the first one times three. Round trips are messages to Postgres, several statements in one count as one.`,
  ];
}
