// What happens when an execution ends, for every way of measuring: its metrics move and its event enters the ring, from one clock reading.
// Series are resolved once per combination of type, name and labels; recording itself hashes nothing.
import { EVENT_TYPES, type EventType } from '../event.ts';
import { type BoundedMembers, boundedMembers } from './bounded-json.ts';
import { boundLabel, boundName, errorText, MAX_LABEL_LENGTH } from './bounded-text.ts';
import { CLOSED_LABELS, labelsOf, metricsFedBy, NAME_LABELS } from './catalogue.ts';
import type { Clock } from './clock.ts';
import type { Counter } from './counter.ts';
import type { Histogram } from './histogram.ts';
import type { InternalErrors } from './internal-errors.ts';
import type { Metrics } from './registry.ts';
import { type EventRing, type SpanWords, STATUS_CODES, type StatusCode } from './ring.ts';
import { OVERFLOW_VALUE } from './series-table.ts';

/**
 * Combinations of name and labels of one type that are told apart in the archive; what comes later is named `__other__`. Counted by type,
 * so that careless names of one take no place from another.
 */
const MAX_BINDINGS_PER_TYPE = 5000;

/** An execution's type, name and labels, resolved. */
export interface Binding {
  readonly type: EventType;
  /** Index of the ring's series. */
  readonly series: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Where its metrics are, by status; made when first needed. */
  readonly targets: (Targets | undefined)[];
  /** It stands for everything that found no place: callers keep the real name in the event's metadata. */
  readonly isOverflow: boolean;
}

interface Targets {
  readonly counters: readonly { readonly counter: Counter; readonly slot: number }[];
  readonly histogram: Histogram | undefined;
  readonly histogramSlot: number;
}

/** A way through name and label values to a binding. */
interface Node {
  binding: Binding | undefined;
  children: Map<unknown, Node> | undefined;
}

/** All bindings of one type. */
interface Root extends Node {
  readonly type: EventType;
  bindings: number;
  /** What found no place, by its labels. */
  readonly overflow: Map<string, Binding>;
}

type FedMetric =
  | { readonly kind: 'executions' | 'failures'; readonly counter: Counter; readonly labelNames: readonly string[] }
  | { readonly kind: 'duration'; readonly histogram: Histogram; readonly labelNames: readonly string[] };

const STATUS_NAMES = Object.keys(STATUS_CODES);
const NO_LABELS = {};

export interface RecorderOptions {
  readonly ring: EventRing;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  readonly service: string;
}

export class Recorder {
  readonly #ring: EventRing;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #errors: InternalErrors;
  readonly #service: string;
  readonly #roots = new Map<string, Root>(
    EVENT_TYPES.map((type) => [type, { type, binding: undefined, children: undefined, bindings: 0, overflow: new Map() }]),
  );
  readonly #fedMetrics = new Map<EventType, readonly FedMetric[]>();
  #truncatedCount = 0;

  constructor({ ring, metrics, clock, errors, service }: RecorderOptions) {
    this.#ring = ring;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#errors = errors;
    this.#service = service;
  }

  /**
   * Resolves a type, a name and the labels that the catalogue knows for the type (`EVENT_LABELS`). The same input gives the same object.
   * A type that is none becomes `custom`.
   */
  bind(type: EventType, name: string, labels: Readonly<Record<string, unknown>> | undefined): Binding {
    const root = this.#rootOf(type);
    let leaf = step(root, root, keyOf(name, boundName));
    const names: readonly string[] = labels === undefined ? [] : labelsOf(root.type);
    for (const label of names) leaf = step(root, leaf, keyOf(labels?.[label], boundLabel));
    if (leaf.binding !== undefined) return leaf.binding;
    const bound = Object.fromEntries(names.map((label) => [label, boundLabel(labels?.[label])]));
    const binding = this.createBinding(root.type, name, labels === undefined ? NO_LABELS : bound);
    if (!binding.isOverflow) leaf.binding = binding;
    return binding;
  }

  /** A binding that the caller keeps; `bind` is the way for those who cannot. */
  createBinding(type: EventType, name: string, labels: Readonly<Record<string, string>>): Binding {
    const root = this.#rootOf(type);
    if (root.bindings >= MAX_BINDINGS_PER_TYPE) return this.#overflowBinding(root, labels);
    root.bindings++;
    return this.#newBinding(root.type, boundName(name), labels, presentLabels(labels), false);
  }

  #rootOf(type: string): Root {
    return this.#roots.get(type) ?? (this.#roots.get('custom') as Root);
  }

  /** Keeps labels with few values (status code, method), so that error rates stay true. */
  #overflowBinding({ type, overflow }: Root, labels: Readonly<Record<string, string>>): Binding {
    const closed = Object.fromEntries(Object.entries(labels).filter(([label]) => CLOSED_LABELS.has(label)));
    const others = Object.fromEntries(Object.keys(labels).map((label) => [label, closed[label] ?? OVERFLOW_VALUE]));
    const key = JSON.stringify(others);
    const known = overflow.get(key);
    if (known !== undefined) return known;
    const binding = this.#newBinding(type, OVERFLOW_VALUE, others, presentLabels(closed), true);
    overflow.set(key, binding);
    return binding;
  }

  #newBinding(
    type: EventType,
    name: string,
    labels: Readonly<Record<string, string>>,
    shown: Readonly<Record<string, unknown>>,
    isOverflow: boolean,
  ): Binding {
    const nameLabel = NAME_LABELS[type as keyof typeof NAME_LABELS];
    const metadata = boundedMembers(shown).members;
    const series = this.#ring.addSeries({ type, name, service: this.#service, metadata });
    return { type, series, labels: nameLabel === undefined ? labels : { [nameLabel]: name, ...labels }, targets: [], isOverflow };
  }

  /** Events of which metadata was left out. */
  get truncatedCount(): number {
    return this.#truncatedCount;
  }

  /**
   * An execution ends now. Never throws.
   * @param startMs its start, by the monotonic clock
   * @param error what was thrown, when the status is failure
   */
  end(
    binding: Binding,
    status: StatusCode,
    startMs: number,
    span: SpanWords | undefined,
    metadata: BoundedMembers | undefined,
    error?: unknown,
  ): void {
    try {
      const endMs = this.#clock.monotonicMs();
      const durationMs = endMs - startMs;
      const text = status === STATUS_CODES.failure ? errorText(error) : undefined;
      if (metadata?.isTruncated === true) this.#truncatedCount++;
      const members = metadata?.members === '' ? undefined : metadata?.members;
      this.record(binding, status, this.#clock.anchorMs + endMs, durationMs > 0 ? durationMs : 0, span, members, text);
    } catch (failure) {
      this.#errors.note('record', failure);
    }
  }

  /**
   * The end of an execution.
   * @param endMs the moment, by the process clock
   * @param durationMs finite and not negative
   * @param metadata JSON members without braces, bounded
   */
  record(
    binding: Binding,
    status: StatusCode,
    endMs: number,
    durationMs: number,
    span: SpanWords | undefined,
    metadata: string | undefined,
    error: string | undefined,
  ): void {
    const targets = binding.targets[status] ?? this.#resolve(binding, status);
    for (const { counter, slot } of targets.counters) counter.add(slot, 1);
    targets.histogram?.observe(targets.histogramSlot, durationMs / 1000);
    this.#ring.push(binding.series, status, endMs, durationMs, span, metadata, error);
  }

  #resolve(binding: Binding, status: StatusCode): Targets {
    const values: Record<string, string> = { ...binding.labels, status: STATUS_NAMES[status] ?? '' };
    const counters: { counter: Counter; slot: number }[] = [];
    let histogram: Histogram | undefined;
    let histogramSlot = 0;
    for (const fed of this.#fedBy(binding.type)) {
      const series = fed.labelNames.map((label) => values[label]);
      if (fed.kind === 'duration') {
        histogram = fed.histogram;
        histogramSlot = fed.histogram.resolve(...series);
      } else if (fed.kind === 'executions' || status === STATUS_CODES.failure) {
        counters.push({ counter: fed.counter, slot: fed.counter.resolve(...series) });
      }
    }
    const targets = { counters, histogram, histogramSlot };
    binding.targets[status] = targets;
    return targets;
  }

  #fedBy(type: EventType): readonly FedMetric[] {
    const known = this.#fedMetrics.get(type);
    if (known !== undefined) return known;
    const fed = metricsFedBy(type).map(({ name, entry }): FedMetric => {
      const labelNames = entry.labels;
      if (entry.source === 'duration') return { kind: 'duration', histogram: this.#metrics.histogram(name), labelNames };
      return { kind: entry.source === 'failures' ? 'failures' : 'executions', counter: this.#metrics.counter(name), labelNames };
    });
    this.#fedMetrics.set(type, fed);
    return fed;
  }
}

/** One step down; when there is no room for more bindings, to a node that nothing keeps. */
function step(root: Root, node: Node, key: unknown): Node {
  const known = node.children?.get(key);
  if (known !== undefined) return known;
  const next: Node = { binding: undefined, children: undefined };
  if (root.bindings >= MAX_BINDINGS_PER_TYPE) return next;
  node.children ??= new Map();
  node.children.set(key, next);
  return next;
}

/** What is kept as a key: short text as it is, all else as the bounded text that it becomes in the event. */
function keyOf(value: unknown, bound: (value: unknown) => string): unknown {
  return typeof value === 'string' && value.length <= MAX_LABEL_LENGTH ? value : bound(value);
}

function presentLabels(labels: Readonly<Record<string, string>>): Record<string, unknown> {
  const present = Object.entries(labels).filter(([, value]) => value !== '');
  return Object.fromEntries(present.map(([name, value]) => [name, name === 'http_response_status_code' ? Number(value) : value]));
}
