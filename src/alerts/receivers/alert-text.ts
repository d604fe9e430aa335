// What a message says to people, whoever carries it: short texts without markup, bounded, the essentials first. Each receiver escapes them its way.
import type { StoredRow } from '../instance-row.ts';
import type { OutboxMessage } from './notifier.ts';
import { cut, oneLine } from './readable.ts';

export interface AlertText {
  readonly state: (typeof STATES)[keyof typeof STATES];
  /** Name of the alert. */
  readonly title: string;
  /** Its label `severity`; empty without. */
  readonly severity: string;
  /** The annotation `summary`, else `description`, else the condition; and that it begins and ends all the time, where it does. */
  readonly summary: string;
  /** The annotation `description` where it is not the summary; may be empty. */
  readonly description: string;
  /** But for alertname and severity, by name. At most 20, or what was asked for. */
  readonly labels: readonly Pair[];
  /** `{service="shop", name="POST /chat"}`; empty without labels. */
  readonly labelText: string;
  /** What was measured, and since when. */
  readonly facts: readonly Pair[];
  /** Example rows of the alert, a line each. At most 5. */
  readonly examples: readonly string[];
  /** Of the example rows. */
  readonly traceIds: readonly string[];
  /** What is not shown: `3 more labels, 15 more example rows`; empty when all is. */
  readonly leftOut: string;
  /** The message may have been sent before. */
  readonly isRepeat: boolean;
}

export interface Pair {
  readonly name: string;
  readonly value: string;
}

const STATES = { firing: 'FIRING', resolved: 'RESOLVED', nodata: 'NO DATA', error: 'RULE ERROR' } as const;
const MAX_TITLE = 100;
const MAX_SUMMARY = 1000;
const MAX_LABELS = 20;
const MAX_NAME = 60;
const MAX_LABEL = 200;
const MAX_LABEL_TEXT = 400;
const MAX_EXAMPLES = 5;
const MAX_EXAMPLE = 300;
const MAX_CELL = 80;
const HIDDEN = new Set(['alertname', 'severity']);

/** @param most how many labels there is room for */
export function describeAlert(
  { payload, reason, rule, maybe_sent }: OutboxMessage,
  most: { readonly labels: number } = { labels: MAX_LABELS },
): AlertText {
  const { labels, annotations, context = [] } = payload;
  const description = oneLine(annotations['description'] ?? '', MAX_SUMMARY);
  const said = oneLine(annotations['summary'] ?? '', MAX_SUMMARY) || description || oneLine(payload.fireWhen, MAX_SUMMARY);
  const flapping = oneLine(annotations['flapping'] ?? '', MAX_LABEL);
  const summary = flapping === '' ? said : `${cut(said, MAX_SUMMARY - flapping.length - 3)} (${flapping})`;
  const pairs = Object.entries(labels)
    .filter(([name]) => !HIDDEN.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name: oneLine(name, MAX_NAME), value: oneLine(value, MAX_LABEL) }));
  return {
    state: STATES[reason],
    title: oneLine(labels['alertname'] ?? rule, MAX_TITLE) || 'alert',
    severity: oneLine(labels['severity'] ?? '', 40),
    summary,
    description: description === said ? '' : description,
    labels: pairs.slice(0, most.labels),
    labelText: formatLabels(pairs, MAX_LABEL_TEXT),
    facts: factsOf(payload),
    examples: context.slice(0, MAX_EXAMPLES).map(describeRow),
    traceIds: context.slice(0, MAX_EXAMPLES).flatMap(traceIdOf),
    leftOut: [countOf(pairs.length - most.labels, 'label'), countOf(context.length - MAX_EXAMPLES, 'example row')]
      .filter((text) => text !== '')
      .join(', '),
    isRepeat: maybe_sent,
  };
}

/** `{service="shop", name="POST /chat"}` in at most `max` characters; empty without labels. */
export function formatLabels(labels: readonly Pair[], max: number): string {
  const pairs = labels.map(({ name, value }) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? '' : oneLine(`{${pairs.join(', ')}}`, max);
}

function factsOf({ value, fireWhen, activeAt, endsAt, partial }: OutboxMessage['payload']): Pair[] {
  const facts = [
    { name: 'Value', value: value === null ? '' : formatCell(value) },
    { name: 'Fires when', value: oneLine(fireWhen, MAX_LABEL) },
    { name: 'Since', value: oneLine(activeAt, 40) },
    {
      name: 'Until',
      value: endsAt === null ? '' : `${oneLine(endsAt, 40)} (${duration(Date.parse(endsAt) - Date.parse(activeAt))})`,
    },
    { name: 'Data', value: partial ? 'partial: the archive had not reached the slot' : '' },
  ];
  return facts.filter((fact) => fact.value !== '');
}

/** `4 min`, `2 h 5 min`, `40 s` */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (!(seconds >= 60)) return `${Number.isFinite(seconds) ? Math.max(seconds, 0) : 0} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `name=POST /chat duration_ms=1203 trace_id=4bf9…`; an id of a trace always stands in full, and first. */
function describeRow(row: StoredRow): string {
  const cells = Object.entries(row).sort(([a], [b]) => Number(isTraceId(b)) - Number(isTraceId(a)));
  return oneLine(cells.map(([name, cell]) => `${oneLine(name, MAX_NAME)}=${formatCell(cell)}`).join(' '), MAX_EXAMPLE);
}

function isTraceId(name: string): boolean {
  return name === 'trace_id';
}

function traceIdOf(row: StoredRow): string[] {
  const id = row['trace_id'];
  return typeof id === 'string' && /^[\da-f-]{32,36}$/i.test(id) ? [id] : [];
}

function formatCell(cell: unknown): string {
  if (typeof cell === 'number' && !Number.isInteger(cell)) return String(Number(cell.toPrecision(4)));
  return oneLine(typeof cell === 'string' ? cell : (JSON.stringify(cell) ?? ''), MAX_CELL);
}

/** `3 more labels`; empty for none. */
export function countOf(count: number, what: string): string {
  return count > 0 ? `${count} more ${what}${count === 1 ? '' : 's'}` : '';
}
