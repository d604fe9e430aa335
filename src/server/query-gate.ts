// A bound on the questions that Postgres is asked at once: a flood of readers waits here, not in its connections.

export interface QueryGateOptions {
  /** How many run at once. */
  readonly atOnce: number;
  /** How many may wait for their turn. */
  readonly waiting: number;
  /** How long each of them waits at most. */
  readonly waitMs: number;
}

/** There is no turn; the client may ask again after `retryAfterSeconds`. */
export class GateClosed extends Error {
  override readonly name = 'GateClosed';
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface Waiter {
  readonly go: () => void;
}

/** First come, first served. */
export class QueryGate {
  readonly #options: QueryGateOptions;
  readonly #waiters = new Set<Waiter>();
  #running = 0;

  constructor(options: QueryGateOptions) {
    this.#options = options;
  }

  /** Runs `work` when it is its turn. @throws GateClosed when too many wait, or it has waited too long; what `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.atOnce) await this.#turn();
    else this.#running++;
    try {
      return await work();
    } finally {
      // The place is handed on: whoever comes in this moment does not overtake those that wait.
      const [next] = this.#waiters;
      if (next === undefined) this.#running--;
      else next.go();
    }
  }

  #turn(): Promise<void> {
    const { waiting, waitMs } = this.#options;
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
    if (this.#waiters.size >= waiting)
      return Promise.reject(new GateClosed(`${waiting} queries wait already; ask again later`, retryAfterSeconds));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        go: () => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new GateClosed(`no turn within ${waitMs / 1000} s: too many queries run; ask again later`, retryAfterSeconds));
      }, waitMs);
      this.#waiters.add(waiter);
    });
  }
}
