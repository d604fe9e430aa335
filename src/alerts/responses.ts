// Rules and alerts in the shapes of Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/#rules), read from Postgres,
// so that every replica answers the same. What Prometheus has no word for stands beside it with the prefix keepwatch_.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { FileProblem } from '../yaml-file.ts';
import { readAhead } from './ahead-groups.ts';
import type { Acknowledgement } from './delivery/acknowledgements.ts';
import { missingReceivers, receiversNamedBy } from './group-needs.ts';
import type { Rule, RuleGroup } from './rule.ts';
import type { MergedRules, RuleOrigin } from './rule-source.ts';

/** One entry of `alerts`. Times are ISO 8601. */
export interface AlertEntry {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Recovering is firing. */
  readonly state: 'pending' | 'firing';
  readonly activeAt: string;
  readonly value: string;
  readonly keepwatch_state: 'pending' | 'firing' | 'recovering';
  readonly keepwatch_incident_id: string;
  readonly keepwatch_fingerprint: string;
  /** While somebody works on it. */
  readonly keepwatch_acknowledgement?: Acknowledgement;
}

export interface RuleEntry {
  readonly type: 'alerting';
  readonly name: string;
  readonly query: string;
  /** `for`, in seconds. */
  readonly duration: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly alerts: readonly AlertEntry[];
  /** `err`: a query had no answer. */
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Seconds that the last evaluation took. */
  readonly evaluationTime: number;
  /** The slot of the last evaluation. */
  readonly lastEvaluation: string;
  readonly state: 'inactive' | 'pending' | 'firing';
  /** The worst of its series. */
  readonly keepwatch_state: 'ok' | 'pending' | 'firing' | 'recovering' | 'nodata';
  readonly keepwatch_uid: string;
  readonly keepwatch_source: RuleOrigin['source'];
  /** Of a rule of the API. */
  readonly keepwatch_version?: number;
  /** Mildest first. */
  readonly keepwatch_steps: readonly { readonly severity: string; readonly fire_when: string }[];
  /** Seconds. */
  readonly keepwatch_keep_firing_for: number;
  /** Series that have no data. */
  readonly keepwatch_nodata: number;
  readonly keepwatch_fire_when: string;
  readonly keepwatch_clear_when?: string;
  readonly keepwatch_partial: boolean;
}

export interface RuleGroupEntry {
  readonly name: string;
  readonly file: string;
  /** Distance of the slots, in seconds. */
  readonly interval: number;
  readonly limit: number;
  readonly rules: readonly RuleEntry[];
  readonly evaluationTime: number;
  readonly lastEvaluation: string;
}

export interface RulesData {
  readonly groups: readonly RuleGroupEntry[];
  /** What is wrong with rules: those are not among the groups, or fail, or nobody is told of them, or evaluates them. */
  readonly keepwatch_problems: readonly FileProblem[];
  /** There are more alerts than the answer holds; states and counts of rules are those of all. */
  readonly keepwatch_truncated?: true;
}

export interface AlertsData {
  readonly alerts: readonly AlertEntry[];
  /** There are more. */
  readonly keepwatch_truncated?: true;
}

/** What of the rules is wanted. */
export interface RulesChoice {
  /** Default: all groups. */
  choose?<Group extends Pick<RuleGroup, 'name' | 'file' | 'rules'>>(groups: readonly Group[]): readonly Group[];
  /** Alerts of rules are neither read nor told; default false. */
  readonly excludesAlerts?: boolean | undefined;
}

/** Of which rule a row is. */
interface RuleRow {
  readonly group_name: string;
  readonly rule: string;
}

interface AlertRow extends RuleRow {
  readonly fingerprint: string;
  readonly state: AlertEntry['keepwatch_state'];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly value: number | null;
  readonly active_at: Date;
  readonly incident_id: string;
  readonly acknowledgement: Acknowledgement | null;
}

interface StateRow extends RuleRow {
  readonly state: (typeof STATES)[number];
  readonly count: number;
}

interface HealthRow extends RuleRow {
  readonly slot: Date;
  readonly duration_ms: number;
  readonly outcome: 'ok' | 'error';
  readonly sqlstate: string | null;
  readonly error: string | null;
  readonly partial: boolean;
}

interface HolderRow {
  readonly group_name: string;
  readonly rule_set: string;
  readonly receivers: readonly string[];
}

const LIST_HOLDERS = loadSql('alerts/list-group-holders');
const LIST_ALERTS = loadSql('alerts/list-active-alerts');
const COUNT_STATES = loadSql('alerts/count-rule-states');
const LIST_HEALTH = loadSql('alerts/list-rule-health');
/** Alerts of one answer, 5 MB of JSON: those that fire first. */
export const MAX_ALERTS = 10_000;
/** What Go writes for a time that never was. */
const NEVER = '0001-01-01T00:00:00Z';

/** The worst first: what a rule with several series is. */
const STATES = ['firing', 'recovering', 'pending', 'nodata'] as const;

/** The `data` of `/api/v1/alerts`: what is pending or firing, of rules that are gone as well. */
export async function readAlerts(database: Database, most = MAX_ALERTS): Promise<AlertsData> {
  const rows = await database.any<AlertRow>(LIST_ALERTS, { groups: null, rules: null, most: most + 1 });
  return { alerts: rows.slice(0, most).map(toAlert), ...truncationOf(rows, most) };
}

/** The `data` of `/api/v1/rules`: the rules of this process with their state in Postgres. */
export async function readRules(
  database: Database,
  { groups, problems, origins }: Pick<MergedRules, 'groups' | 'problems' | 'origins'>,
  { choose = (all) => all, excludesAlerts = false }: RulesChoice = {},
  most = MAX_ALERTS,
): Promise<RulesData> {
  const chosen = choose(groups);
  const ofChosen = {
    groups: chosen.map(({ name }) => name),
    rules: [...new Set(chosen.flatMap(({ rules }) => rules.map(({ name }) => name)))],
  };
  const [alerts, states, health, holders, ahead] = await Promise.all([
    excludesAlerts ? [] : database.any<AlertRow>(LIST_ALERTS, { ...ofChosen, most: most + 1 }),
    database.any<StateRow>(COUNT_STATES, ofChosen),
    database.any<HealthRow>(LIST_HEALTH),
    database.any<HolderRow>(LIST_HOLDERS),
    readAhead(database, groups),
  ]);
  const found = { alerts: byRule(alerts.slice(0, most)), states: byRule(states), health: byRule(health) };
  const untold = groups.flatMap((group) => describeUntold(group, holders) ?? []);
  return {
    groups: chosen.map((group) => toGroup(group, origins, found)),
    keepwatch_problems: [...problems, ...untold, ...ahead],
    ...truncationOf(alerts, most),
  };
}

/** What Postgres says, by the rule that it says it of. */
interface Found {
  readonly alerts: ReadonlyMap<string, readonly AlertRow[]>;
  readonly states: ReadonlyMap<string, readonly StateRow[]>;
  readonly health: ReadonlyMap<string, readonly HealthRow[]>;
}

function truncationOf(rows: readonly AlertRow[], most: number): { readonly keepwatch_truncated?: true } {
  return rows.length > most ? { keepwatch_truncated: true } : {};
}

function byRule<Row extends RuleRow>(rows: readonly Row[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row.group_name, row.rule);
    const own = found.get(key);
    if (own === undefined) found.set(key, [row]);
    else own.push(row);
  }
  return found;
}

/** Names are of one line. */
function keyOf(group: string, rule: string): string {
  return `${group}\n${rule}`;
}

/** Of a group whose evaluator does not know all receivers that its rules name. */
function describeUntold(group: RuleGroup, holders: readonly HolderRow[]): FileProblem | undefined {
  const holder = holders.find(({ group_name }) => group_name === group.name);
  const missing = holder === undefined ? [] : missingReceivers(receiversNamedBy(group.rules), holder.receivers);
  if (holder === undefined || missing.length === 0) return undefined;
  const message = `the group "${group.name}" is evaluated by the service "${holder.rule_set}", which has no receiver "${missing.join('", "')}": nobody is told there; configure it in a process that evaluates rules`;
  return { file: group.file, line: group.rules[0]?.line ?? 1, message };
}

function toGroup(group: RuleGroup, origins: MergedRules['origins'], found: Found): RuleGroupEntry {
  const rules = group.rules.map((rule) => {
    const key = keyOf(group.name, rule.name);
    return toRule(rule, origins.get(rule.uid) ?? { source: 'file' }, {
      alerts: found.alerts.get(key) ?? [],
      states: found.states.get(key) ?? [],
      health: found.health.get(key)?.[0],
    });
  });
  return {
    name: group.name,
    file: group.file,
    interval: group.everyMs / 1000,
    limit: 0,
    rules,
    evaluationTime: rules.reduce((sum, rule) => sum + rule.evaluationTime, 0),
    lastEvaluation: rules.find((rule) => rule.lastEvaluation !== NEVER)?.lastEvaluation ?? NEVER,
  };
}

function toRule(
  rule: Rule,
  origin: RuleOrigin,
  {
    alerts,
    states,
    health,
  }: { readonly alerts: readonly AlertRow[]; readonly states: readonly StateRow[]; readonly health: HealthRow | undefined },
): RuleEntry {
  const state = STATES.find((one) => states.some((counted) => counted.state === one));
  const lastError = health?.error ?? undefined;
  return {
    type: 'alerting',
    name: rule.name,
    query: rule.query,
    duration: 'ms' in rule.for ? rule.for.ms / 1000 : 0,
    labels: rule.labels,
    annotations: Object.fromEntries(Object.entries(rule.annotations).map(([name, { text }]) => [name, text])),
    alerts: alerts.map(toAlert),
    health: healthOf(health),
    ...(lastError === undefined ? {} : { lastError }),
    evaluationTime: (health?.duration_ms ?? 0) / 1000,
    lastEvaluation: health?.slot.toISOString() ?? NEVER,
    state: state === undefined || state === 'nodata' ? 'inactive' : prometheusState(state),
    keepwatch_state: state ?? 'ok',
    keepwatch_uid: rule.uid,
    keepwatch_source: origin.source,
    ...(origin.version === undefined ? {} : { keepwatch_version: origin.version }),
    keepwatch_steps: rule.steps.map(({ severity, fireWhen }) => ({ severity, fire_when: fireWhen.text })),
    keepwatch_keep_firing_for: rule.keepFiringForMs / 1000,
    keepwatch_nodata: states.find((counted) => counted.state === 'nodata')?.count ?? 0,
    keepwatch_fire_when: rule.fireWhen.text,
    ...(rule.clearWhen === undefined ? {} : { keepwatch_clear_when: rule.clearWhen.text }),
    keepwatch_partial: health?.partial ?? false,
  };
}

/** A query without an answer makes it `err`; what is wrong besides, such as an annotation, is `lastError` alone. */
function healthOf(health: HealthRow | undefined): RuleEntry['health'] {
  if (health === undefined) return 'unknown';
  return health.outcome === 'error' || health.sqlstate !== null ? 'err' : 'ok';
}

/** Prometheus has no word for recovering. */
function prometheusState(state: AlertRow['state']): 'pending' | 'firing' {
  return state === 'pending' ? 'pending' : 'firing';
}

function toAlert(row: AlertRow): AlertEntry {
  const { labels, annotations, state, active_at, value, incident_id, fingerprint, acknowledgement } = row;
  return {
    labels,
    annotations,
    state: prometheusState(state),
    activeAt: active_at.toISOString(),
    value: value === null ? 'NaN' : String(value),
    keepwatch_state: state,
    keepwatch_incident_id: incident_id,
    keepwatch_fingerprint: fingerprint.slice(0, 16),
    ...(acknowledgement === null ? {} : { keepwatch_acknowledgement: acknowledgement }),
  };
}
