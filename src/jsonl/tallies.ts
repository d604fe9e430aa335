// What is kept of events while files of them are read: totals of each type and name, and the newest few. Bounded, whatever the files hold.
import type { EventRow, SummaryRow } from '../event-row.ts';
import { DurationHistogram } from './duration-histogram.ts';

const MAX_NAMES = 10_000;
const OTHER_NAME = '__other__';

const ALL_ABORTED = {
  success_rate: null,
  avg_ms: null,
  min_ms: null,
  max_ms: null,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
} as const;

/** Of each type and name. */
export class Totals {
  readonly #totals = new Map<string, Total>();

  add(event: EventRow): void {
    let key = `${event.type} ${event.name}`;
    let total = this.#totals.get(key);
    if (total === undefined && this.#totals.size >= MAX_NAMES) {
      key = `${event.type} ${OTHER_NAME}`;
      total = this.#totals.get(key);
    }
    if (total === undefined) {
      total = new Total(event.type, key.slice(event.type.length + 1));
      this.#totals.set(key, total);
    }
    total.add(event);
  }

  /** The busiest first, then by type and name. */
  rows(): SummaryRow[] {
    const rows = [...this.#totals.values()].map((total) => total.row());
    return rows.sort((a, b) => b.count - a.count || compare(a.type, b.type) || compare(a.name, b.name));
  }
}

class Total {
  readonly #type: EventRow['type'];
  readonly #name: string;
  /** Of those that were not aborted. */
  readonly #durations = new DurationHistogram();
  #failures = 0;
  #aborted = 0;

  constructor(type: EventRow['type'], name: string) {
    this.#type = type;
    this.#name = name;
  }

  add({ status, duration_ms, weight }: EventRow): void {
    if (status === 'aborted') this.#aborted += weight;
    else this.#durations.add(duration_ms, weight);
    if (status === 'failure') this.#failures += weight;
  }

  get count(): number {
    return this.#durations.count + this.#aborted;
  }

  row(): SummaryRow {
    const [failures, aborted] = [this.#failures, this.#aborted];
    const sums = { type: this.#type, name: this.#name, count: this.count, failures, aborted };
    const { count, mean, min, max } = this.#durations;
    if (count === 0) return { ...sums, ...ALL_ABORTED };
    const [p50_ms = null, p95_ms = null, p99_ms = null] = this.#durations.quantiles([0.5, 0.95, 0.99]);
    const success_rate = (count - failures) / count;
    return { ...sums, success_rate, avg_ms: mean, min_ms: min, max_ms: max, p50_ms, p95_ms, p99_ms };
  }
}

/** The newest so many of all that are added, in twice the room. */
export class Newest {
  readonly #limit: number;
  #events: EventRow[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(event: EventRow): void {
    this.#events.push(event);
    if (this.#events.length >= 2 * this.#limit) this.#events = this.rows();
  }

  get isFull(): boolean {
    return this.#events.length >= this.#limit;
  }

  rows(): EventRow[] {
    return this.#events.sort((a, b) => compare(b.end_time, a.end_time) || compare(b.id, a.id)).slice(0, this.#limit);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
