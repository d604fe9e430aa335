// The bindings of a tracker: type, name and labels of an execution, resolved once to its series of the ring and its metrics. Bounded: what
// comes when a type has as many as it may is bound to `__other__`.
import { EVENT_TYPES, type EventType } from '../event.ts';
import { boundedMembers } from './bounded-json.ts';
import { boundLabel, boundName, MAX_LABEL_LENGTH } from './bounded-text.ts';
import { CLOSED_LABELS, labelsOf, NAME_LABELS } from './catalogue.ts';
import type { Counter } from './counter.ts';
import type { Histogram } from './histogram.ts';
import type { EventRing } from './ring.ts';
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

/** The series that an execution of one binding and status moves. */
export interface Targets {
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

const NO_LABELS = {};

export class Bindings {
  readonly #ring: EventRing;
  readonly #service: string;
  readonly #roots = new Map<string, Root>(
    EVENT_TYPES.map((type) => [type, { type, binding: undefined, children: undefined, bindings: 0, overflow: new Map() }]),
  );

  /** @param service name of the service in every event */
  constructor(ring: EventRing, service: string) {
    this.#ring = ring;
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
    const binding = this.create(root.type, name, labels === undefined ? NO_LABELS : bound);
    if (!binding.isOverflow) leaf.binding = binding;
    return binding;
  }

  /** A binding that the caller keeps; `bind` is the way for those who cannot. */
  create(type: EventType, name: string, labels: Readonly<Record<string, string>>): Binding {
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
