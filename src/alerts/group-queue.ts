// Runs groups apart from each other, so that a slow one holds up none: each at most once at a time, as many as there are connections, the one
// whose slot was due first before others. One connection is only for groups that were quick the last time: those that are slow, and those that
// nobody knows yet, never have them all.

/** What is due of a group. */
export interface GroupWork<Result> {
  readonly group: string;
  /** When the oldest of its slots was due. */
  readonly dueMs: number;
  /** What is due is as of this moment, by the monotonic clock: a group that has run since then is left to the next pass. */
  readonly asOfMs: number;
  /** Must not reject. @param waitedMs for others, since its group was added first */
  run(waitedMs: number): Promise<Result>;
}

/** A group whose slots took no longer may have the last connection. */
const QUICK_MS = 1000;

interface Waiting<Result> {
  work: GroupWork<Result>;
  readonly sinceMs: number;
  readonly done: Promise<Result>;
  readonly settle: (result: Promise<Result>) => void;
}

/** Holds what waits, what runs, and what is known of groups. */
export class GroupQueue<Result> {
  readonly #connections: number;
  readonly #waiting = new Map<string, Waiting<Result>>();
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #endedAtMs = new Map<string, number>();
  readonly #quick = new Set<string>();

  /** @param connections groups that run at the same time at most */
  constructor(connections: number) {
    this.#connections = connections;
  }

  /**
   * Adds groups that are due; what waits of a group gives way to what is newer.
   * @returns what becomes of each, but of groups that run, or have run since it was looked
   */
  add(works: readonly GroupWork<Result>[]): Promise<Result>[] {
    const added = works.flatMap((work) => this.#enqueue(work) ?? []);
    this.#start();
    return added;
  }

  /** Forgets what is known of groups that are gone. */
  retain(groups: ReadonlySet<string>): void {
    for (const group of this.#endedAtMs.keys()) {
      if (groups.has(group)) continue;
      this.#endedAtMs.delete(group);
      this.#quick.delete(group);
    }
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #enqueue(work: GroupWork<Result>): Promise<Result> | undefined {
    const { group, asOfMs } = work;
    if (this.#running.has(group) || (this.#endedAtMs.get(group) ?? Number.NEGATIVE_INFINITY) > asOfMs) return undefined;
    const known = this.#waiting.get(group);
    if (known !== undefined) known.work = work;
    const waiting = known ?? toWaiting(work);
    this.#waiting.set(group, waiting);
    return waiting.done;
  }

  #start(): void {
    const inTurn = [...this.#waiting.values()].sort((one, other) => one.work.dueMs - other.work.dueMs);
    for (const { work, sinceMs, settle } of inTurn) {
      if (!this.#mayRun(work.group)) continue;
      this.#waiting.delete(work.group);
      settle(this.#run(work, sinceMs));
    }
  }

  #mayRun(group: string): boolean {
    const forAll = Math.max(1, this.#connections - 1);
    return this.#running.size < (this.#quick.has(group) ? this.#connections : forAll);
  }

  #run({ group, run }: GroupWork<Result>, sinceMs: number): Promise<Result> {
    const startedAtMs = performance.now();
    const result = run(startedAtMs - sinceMs).finally(() => {
      const endedAtMs = performance.now();
      if (endedAtMs - startedAtMs < QUICK_MS) this.#quick.add(group);
      else this.#quick.delete(group);
      this.#endedAtMs.set(group, endedAtMs);
      this.#running.delete(group);
      this.#start();
    });
    this.#running.set(group, result);
    return result;
  }
}

function toWaiting<Result>(work: GroupWork<Result>): Waiting<Result> {
  let settle: Waiting<Result>['settle'] = () => {};
  const done = new Promise<Result>((resolve) => {
    settle = resolve;
  });
  return { work, sinceMs: performance.now(), done, settle };
}
