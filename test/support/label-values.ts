// Values that labels of metrics and columns of Postgres can have where the product chooses all of them: what names another one is 0 for ever.
import { DELIVERY_STATUSES } from '../../src/alerts/delivery/delivery-log.ts';
import { DELIVERY_OUTCOMES } from '../../src/alerts/outbox.ts';
import { STATES } from '../../src/alerts/state-counts.ts';
import { DROP_REASONS, EVENT_STATUSES, EVENT_TYPES, LANES } from '../../src/event.ts';
import { ENDINGS } from '../../src/instrument/http/http-outcome.ts';
import { TOKEN_BUCKETS } from '../../src/instrument/llm/token-buckets.ts';
import { HTTP_METHODS, OTHER_METHOD } from '../../src/instrument/metrics/catalogue.ts';

type Values = readonly string[] | RegExp;

const OUTCOMES_OF_EVALUATIONS: Values = ['ok', 'error'];
/** By label. */
const OF_LABELS: Readonly<Record<string, Values>> = {
  status: EVENT_STATUSES,
  type: EVENT_TYPES,
  direction: Object.values(TOKEN_BUCKETS),
  error_type: new RegExp(`^([45]\\d\\d|${ENDINGS.filter((ending) => ending !== 'complete').join('|')})$`),
  http_request_method: [...HTTP_METHODS, OTHER_METHOD],
  http_response_status_code: /^[1-5]\d\d$/,
  alertstate: ['pending', 'firing'],
};
/** By metric and label, where a label means another thing on another metric. */
const OF_METRICS: Readonly<Record<string, Values>> = {
  'keepwatch_alerts state': STATES,
  'keepwatch_alert_evaluations_total outcome': OUTCOMES_OF_EVALUATIONS,
  'keepwatch_notifications_total outcome': DELIVERY_OUTCOMES,
  'keepwatch_events_dropped_total reason': DROP_REASONS,
  'db_connection_pool_size state': ['idle', 'used'],
};

/** What a matcher of PromQL compares a label with that it never is. @returns nothing where any text may be */
export function wrongValues(metric: string, label: string, operator: string, text: string): string[] {
  const allowed = OF_METRICS[`${metric} ${label}`] ?? OF_LABELS[label];
  // Nothing is a value of each label; variables hold what they list.
  if (allowed === undefined || text.includes('$')) return [];
  const values = operator.endsWith('~') ? text.split('|') : [text];
  return values
    .filter((value) => value !== '' && /^\w+$/.test(value) && !isAllowed(allowed, value))
    .map((value) => `${label} is never ${value}`);
}

/** Columns of Postgres. */
const OF_COLUMNS: Readonly<Record<string, Values>> = {
  status: EVENT_STATUSES,
  type: EVENT_TYPES,
  lane: LANES,
  state: STATES,
  from_state: STATES,
  to_state: STATES,
  outcome: OUTCOMES_OF_EVALUATIONS,
};

/** Where SQL compares such a column with a literal: its value and where that stands. */
export function valuesInSql(sql: string): { readonly column: string; readonly value: string; readonly at: number }[] {
  const compared = /\b(status|type|lane|state|from_state|to_state|outcome) (?:=|<>|!=|in) (?=\(?')(\(?'[^)']*'(?:, '[^']*')*)/g;
  return [...sql.matchAll(compared)].flatMap(({ 0: all, 1: column = '', 2: list = '', index }) =>
    [...list.matchAll(/'([^']*)'/g)].map(({ 1: value = '', index: within }) => ({
      column,
      value,
      at: index + all.length - list.length + within + 1,
    })),
  );
}

/** What SQL compares a column with that it never is. */
export function wrongValuesInSql(sql: string): string[] {
  return valuesInSql(sql).flatMap(({ column, value }) => {
    // Messages have a status of their own.
    const allowed = column === 'status' && sql.includes('notification_outbox') ? DELIVERY_STATUSES : OF_COLUMNS[column];
    return value === '' || allowed === undefined || isAllowed(allowed, value) ? [] : [`${column} is never ${value}`];
  });
}

function isAllowed(allowed: Values, value: string): boolean {
  return allowed instanceof RegExp ? allowed.test(value) : allowed.includes(value);
}
