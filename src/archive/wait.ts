// What somebody waits for, and since when: what hangs is worth saying long before it is given up.

/** What has not answered for so long is said to hang. */
const STALL_MS = 5000;

export class Wait {
  readonly #purpose: string;
  #what: string | undefined;
  #sourceId: bigint | undefined;
  #sinceMs = 0;

  /** @param purpose said behind what is waited for, such as `, for events of earlier sources`; default none */
  constructor(purpose = '') {
    this.#purpose = purpose;
  }

  /**
   * From now on it is waited for this, and no longer for what was before.
   * @param sourceId whose answers are waited for
   */
  begin(what: string, sourceId?: bigint): void {
    this.#what = what;
    this.#sourceId = sourceId;
    this.#sinceMs = performance.now();
  }

  /** Something of a source is done; the wait begins anew where more of it is waited for. */
  noteAnswer(sourceId: bigint): void {
    if (sourceId === this.#sourceId) this.#sinceMs = performance.now();
  }

  end(): void {
    this.#what = undefined;
  }

  /** A sentence when it takes too long; undefined while it does not. */
  get reason(): string | undefined {
    const waitedMs = performance.now() - this.#sinceMs;
    if (this.#what === undefined || waitedMs < STALL_MS) return undefined;
    return `${this.#what}${this.#purpose} has not answered for ${Math.round(waitedMs / 1000)} s`;
  }
}
