// Turns to send, one at a time, no closer together than a provider allows. It counts what arrives, and a busy process or network may hold a message up on
// its way: so the distance begins with the answer to the message before, which has arrived by then. Of this process alone: what several send together the
// provider tells by 429.

export interface PaceOptions {
  readonly intervalMs: number;
  /** Must not go back; default: the clock of the process. */
  readonly now?: () => number;
  /** Default: a timer. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** Nobody waits longer for his turn: the message goes back to the outbox. The lease of a message is 30 s. */
const MAX_WAIT_MS = 4000;

export class Pace {
  readonly #options: Required<PaceOptions>;
  /** Ends with the turn that was asked for last. */
  #last: Promise<unknown> = Promise.resolve();
  #freeAt = Number.NEGATIVE_INFINITY;

  constructor({ intervalMs, now = () => performance.now(), wait = waitFor }: PaceOptions) {
    this.#options = { intervalMs, now, wait };
  }

  /** Sends when it is the caller's turn. @returns what `send` gives, or how many ms to stay away, when the turn would come too late */
  turn<T>(send: () => Promise<T>): Promise<T | number> {
    const askedAt = this.#options.now();
    const turn = this.#last.then(() => this.#take(send, askedAt));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #take<T>(send: () => Promise<T>, askedAt: number): Promise<T | number> {
    const { now, wait, intervalMs } = this.#options;
    const awayMs = this.#freeAt - now();
    if (Math.max(this.#freeAt, now()) - askedAt > MAX_WAIT_MS) return Math.max(awayMs, intervalMs);
    // Timers may be early.
    while (this.#freeAt > now()) await wait(this.#freeAt - now());
    try {
      return await send();
    } finally {
      this.hold(intervalMs);
    }
  }

  /** The provider wants to be left alone for that long. */
  hold(ms: number): void {
    this.#freeAt = Math.max(this.#freeAt, this.#options.now() + ms);
  }
}

function waitFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
