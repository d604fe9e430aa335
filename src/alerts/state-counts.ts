// How many series of each rule are in each state, for metrics: of as many rules as metrics may tell apart. Read from Postgres after what this process
// has committed, and for who asks when that is a while ago.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { State } from './state.ts';

export interface StateCount {
  readonly alertname: string;
  readonly state: State;
  readonly count: number;
}

/** A row of count-instances. */
interface FoundCount {
  readonly rule: string;
  readonly state: State;
  readonly count: number;
}

const COUNT_INSTANCES = loadSql('alerts/count-instances');
const MAX_AGE_MS = 15_000;
export const STATES = ['ok', 'pending', 'firing', 'recovering', 'nodata'] as const satisfies readonly State[];

/** Rules that metrics tell apart at most; the others are one. */
const MAX_ALERTNAMES = 1000;
const OTHER_ALERTNAME = '__other__';

export class StateCounts {
  readonly #database: Database;
  #found: readonly FoundCount[] = [];
  #readAtMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #isStopped = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Never rejects: what cannot be read is read when somebody asks again; that the database does not answer is told elsewhere. */
  async read(): Promise<void> {
    try {
      this.#found = await this.#database.any<FoundCount>(COUNT_INSTANCES);
      this.#readAtMs = performance.now();
    } catch {
      this.#readAtMs = Number.NEGATIVE_INFINITY;
    }
  }

  /**
   * Every rule with every state, so that a gauge goes back to 0: as of the newest reading. One that is 15 s old is read anew, for who asks next; a process
   * that evaluates nothing, and that nobody asks, reads none.
   * @param names of all rules
   */
  of(names: readonly string[]): StateCount[] {
    this.#refresh();
    return countStates(names, this.#found);
  }

  /** Nothing is read any more; resolves when what was begun is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#refreshing;
  }

  #refresh(): void {
    const isNew = performance.now() - this.#readAtMs <= MAX_AGE_MS;
    if (isNew || this.#isStopped || this.#refreshing !== undefined) return;
    this.#refreshing = this.read().finally(() => {
      this.#refreshing = undefined;
    });
  }
}

function countStates(names: readonly string[], found: readonly FoundCount[]): StateCount[] {
  const given = new Set([...names, ...found.map(({ rule }) => rule)]);
  const known = new Set([...given].slice(0, MAX_ALERTNAMES));
  const counts = new Map<string, number>();
  for (const { rule, state, count } of found) {
    const alertname = known.has(rule) ? rule : OTHER_ALERTNAME;
    const key = JSON.stringify([alertname, state]);
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  const all = given.size > known.size ? [...known, OTHER_ALERTNAME] : [...known];
  return all.flatMap((alertname) =>
    STATES.map((state) => ({ alertname, state, count: counts.get(JSON.stringify([alertname, state])) ?? 0 })),
  );
}
