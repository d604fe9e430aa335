// The bindings of a tracker: type, name and labels of an execution, resolved once to its series of the ring and its metrics. Bounded: what
// finds no place is bound to `__other__`; what the code has declared finds one, whatever clients have sent before.
import { EVENT_TYPES, type EventType } from '../../event.ts';
import { boundedMembers } from '../bounded-json.ts';
import { boundLabel, boundName, INVALID_LABEL, ownText } from '../bounded-text.ts';
import { isClosedValue, labelsOf, NAME_LABELS } from '../metrics/catalogue.ts';
import type { Counter } from '../metrics/counter.ts';
import type { Histogram } from '../metrics/histogram.ts';
import { Places } from '../metrics/places.ts';
import { OVERFLOW_VALUE } from '../metrics/series-table.ts';
import { Declarations, type DeclaredNames } from './declarations.ts';
import type { EventRing } from './ring.ts';

/**
 * Combinations of name and labels of one type that are told apart in the archive. Counted by type, so that careless names of one take no
 * place from another.
 */
export const MAX_BINDINGS_PER_TYPE = 5000;
/** Those of them that may hold a name or a label value that was not declared. */
export const MAX_UNDECLARED_BINDINGS_PER_TYPE = 1000;

/** An execution's type, name and labels, resolved. */
export interface Binding {
  readonly type: EventType;
  readonly name: string;
  /** Index of the ring's series. */
  readonly series: number;
  /** Of its metrics; the name among them where it is one. */
  readonly labels: Labels;
  /** The labels whose values came at run time. */
  readonly undeclared: ReadonlySet<string>;
  /** Where its metrics are, by status; made when first needed. */
  readonly targets: (Targets | undefined)[];
  /** It stands for several that found no place: callers keep the real name and labels in the event's metadata. */
  readonly isOverflow: boolean;
}

/** The series that an execution of one binding and status moves. */
export interface Targets {
  readonly counters: readonly { readonly counter: Counter; readonly slot: number }[];
  readonly histogram: Histogram | undefined;
  readonly histogramSlot: number;
}

type Labels = Readonly<Record<string, string>>;

/** A way through name and label values, as they are kept, to a binding. */
interface Node {
  binding: Binding | undefined;
  children: Map<string, Node> | undefined;
}

/** All bindings of one type. */
interface Root extends Node {
  readonly type: EventType;
  readonly places: Places;
  /** What found no place, by what is kept of it. */
  readonly overflow: Map<string, Binding>;
}

const NO_LABEL_NAMES: readonly string[] = [];
const NONE: ReadonlySet<string> = new Set();

export class Bindings {
  readonly #ring: EventRing;
  readonly #service: string;
  readonly #declarations = new Declarations();
  readonly #roots = new Map<string, Root>(EVENT_TYPES.map((type) => [type, createRoot(type)]));
  #sanitizedCount = 0;

  /** @param service name of the service in every event */
  constructor(ring: EventRing, service: string) {
    this.#ring = ring;
    this.#service = service;
  }

  /** How often a name or label value was cut, cleaned or replaced. */
  get sanitizedCount(): number {
    return this.#sanitizedCount;
  }

  /** From now on these names and label values find a place before all others. */
  declare(declared: DeclaredNames): void {
    this.#declarations.add({ ...declared, type: this.#rootOf(declared.type).type });
  }

  /**
   * Resolves a type, a name and the labels that the catalogue knows for the type (`EVENT_LABELS`). The same input gives the same object.
   * A type that is none becomes `custom`.
   */
  bind(type: EventType, name: string, labels: Readonly<Record<string, unknown>> | undefined): Binding {
    const root = this.#rootOf(type);
    const labelNames = labels === undefined ? NO_LABEL_NAMES : labelsOf(root.type);
    // Keys are clean: what is not, is not found.
    let leaf = root.children?.get(name);
    for (const label of labelNames) leaf = leaf?.children?.get((labels?.[label] ?? '') as string);
    if (leaf?.binding !== undefined) return leaf.binding;
    const values = labelNames.map((label) => [label, labels?.[label]] as const);
    return this.#bindCleaned(root, this.#cleanName(name), this.#cleanLabels(values));
  }

  /** Found nowhere as it was given: cleaned, it may be known, or is given a place. */
  #bindCleaned(root: Root, name: string, labels: Labels): Binding {
    const path = [name, ...Object.values(labels)];
    let leaf: Node | undefined = root;
    for (const key of path) leaf = leaf?.children?.get(key);
    if (leaf?.binding !== undefined) return leaf.binding;
    const binding = this.#create(root, name, labels);
    if (!binding.isOverflow) grow(root, path).binding = binding;
    return binding;
  }

  /** A binding that the caller keeps; `bind` is the way for those who cannot. */
  create(type: EventType, name: string, labels: Labels): Binding {
    return this.#create(this.#rootOf(type), this.#cleanName(name), this.#cleanLabels(Object.entries(labels)));
  }

  #create(root: Root, name: string, labels: Labels): Binding {
    const hasDeclaredName = this.#declarations.hasName(root.type, name);
    const undeclared = Object.keys(labels).filter((label) => !this.#declarations.hasLabel(root.type, label, labels[label] ?? ''));
    const claim = hasDeclaredName && undeclared.length === 0 ? 'declared' : 'undeclared';
    if (root.places.take(claim)) {
      const own = ownLabels(root.type, hasDeclaredName, undeclared);
      return this.#newBinding(root.type, name, labels, own, presentLabels(labels));
    }
    return this.#overflow(root, hasDeclaredName ? name : OVERFLOW_VALUE, labels, undeclared);
  }

  /** As much of it as there is a place for: what is declared, or labels with few values (status code, method), or nothing. */
  #overflow(root: Root, name: string, labels: Labels, undeclared: readonly string[]): Binding {
    const all = Object.keys(labels);
    const open = all.filter((label) => !isClosedValue(label, labels[label] ?? ''));
    const hasDeclared = name !== OVERFLOW_VALUE || undeclared.length < open.length;
    return (
      (hasDeclared ? this.#remainder(root, name, labels, undeclared, 'declared') : undefined) ??
      this.#remainder(root, OVERFLOW_VALUE, labels, open, 'overflow') ??
      (this.#remainder(root, OVERFLOW_VALUE, labels, all, 'last') as Binding)
    );
  }

  /** @param others the labels of which the value is not kept */
  #remainder(
    root: Root,
    name: string,
    labels: Labels,
    others: readonly string[],
    claim: 'declared' | 'overflow' | 'last',
  ): Binding | undefined {
    const kept = { ...labels, ...Object.fromEntries(others.map((label) => [label, OVERFLOW_VALUE])) };
    const key = JSON.stringify([name, kept]);
    const known = root.overflow.get(key);
    if (known !== undefined) return known;
    if (claim !== 'last' && !root.places.take(claim)) return undefined;
    const own = claim === 'declared' ? NONE : ownLabels(root.type, false, others);
    const closed = Object.entries(kept).filter(([label, value]) => isClosedValue(label, value));
    const binding = this.#newBinding(root.type, name, kept, own, presentLabels(Object.fromEntries(closed)), true);
    root.overflow.set(key, binding);
    return binding;
  }

  /** @param shown what its events carry in their metadata */
  #newBinding(
    type: EventType,
    name: string,
    labels: Labels,
    undeclared: ReadonlySet<string>,
    shown: Readonly<Record<string, unknown>>,
    isOverflow: boolean = false,
  ): Binding {
    const nameLabel = NAME_LABELS[type as keyof typeof NAME_LABELS];
    const series = this.#ring.addSeries({ type, name, service: this.#service, metadata: boundedMembers(shown).members });
    const withName = nameLabel === undefined ? labels : { [nameLabel]: name, ...labels };
    return { type, name, series, labels: withName, undeclared, targets: [], isOverflow };
  }

  #cleanName(given: unknown): string {
    const name = boundName(given);
    if (name !== given) this.#sanitizedCount++;
    return name;
  }

  #cleanLabels(given: readonly (readonly [string, unknown])[]): Labels {
    const labels: Record<string, string> = {};
    for (const [label, value] of given) {
      const text = boundLabel(value);
      if (typeof value === 'string' ? text !== value : text === INVALID_LABEL) this.#sanitizedCount++;
      labels[label] = ownText(text);
    }
    return labels;
  }

  #rootOf(type: string): Root {
    return this.#roots.get(type) ?? (this.#roots.get('custom') as Root);
  }
}

function createRoot(type: EventType): Root {
  const places = new Places(MAX_BINDINGS_PER_TYPE, MAX_UNDECLARED_BINDINGS_PER_TYPE);
  return { type, binding: undefined, children: undefined, places, overflow: new Map() };
}

/** The node at the end of a path, which is made as far as it is not there. */
function grow(root: Root, path: readonly string[]): Node {
  let node: Node = root;
  for (const key of path) {
    const next: Node = node.children?.get(key) ?? { binding: undefined, children: undefined };
    node.children ??= new Map();
    node.children.set(key, next);
    node = next;
  }
  return node;
}

/** The labels of metrics whose values are not declared; the name's among them. */
function ownLabels(type: EventType, hasDeclaredName: boolean, undeclared: readonly string[]): ReadonlySet<string> {
  const nameLabel = NAME_LABELS[type as keyof typeof NAME_LABELS];
  if (nameLabel === undefined || hasDeclaredName) return undeclared.length === 0 ? NONE : new Set(undeclared);
  return new Set([nameLabel, ...undeclared]);
}

function presentLabels(labels: Labels): Record<string, unknown> {
  const present = Object.entries(labels).filter(([, value]) => value !== '');
  return Object.fromEntries(present.map(([name, value]) => [name, name === 'http_response_status_code' ? Number(value) : value]));
}
