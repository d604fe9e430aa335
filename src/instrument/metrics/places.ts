// Room in a bounded table, divided so that what clients send can never take the place of what the code declares.

/** What asks for a place: all of it is declared, some of it came at run time, or it is a remainder (`__other__`). */
export type Claim = 'declared' | 'undeclared' | 'overflow';

/** One in so many places is kept for remainders, which keep their closed labels (status, method) apart. */
const OVERFLOW_SHARE = 10;

export interface UndeclaredShare {
  /** Places at most. */
  readonly max: number;
  /** So many of them whatever other tables hold. Default: all. */
  readonly sure?: number;
  /** Where the rest comes from: places that several tables share, so that a flood of all of them is bounded too. */
  readonly pool?: { left: number };
}

/**
 * Counts places; nothing is ever taken back, since a counter that vanishes and comes again spoils every rate. What is undeclared has at
 * most its share; what is declared may use all that is not kept for remainders.
 */
export class Places {
  /** For whatever is left when even remainders find no place: always granted, so one place is kept for it. */
  readonly #maxOverflow: number;
  readonly #maxOthers: number;
  readonly #share: UndeclaredShare;
  #declared = 0;
  #undeclared = 0;
  #overflow = 0;

  /**
   * @param total all places; at least 2
   * @param share how many of them things that come at run time may take; default half
   */
  constructor(total: number, share: UndeclaredShare = { max: Math.ceil(total / 2) }) {
    const kept = Math.max(1, Math.floor(total / OVERFLOW_SHARE));
    this.#maxOverflow = kept - 1;
    this.#maxOthers = Math.max(2, total) - kept;
    this.#share = share;
  }

  /** Takes a place. @returns false when there is none for such a claim */
  take(claim: Claim): boolean {
    if (claim === 'overflow') {
      if (this.#overflow >= this.#maxOverflow) return false;
      this.#overflow++;
      return true;
    }
    if (this.#declared + this.#undeclared >= this.#maxOthers) return false;
    if (claim === 'declared') {
      this.#declared++;
      return true;
    }
    return this.#takeUndeclared();
  }

  #takeUndeclared(): boolean {
    const { max, sure = max, pool } = this.#share;
    if (this.#undeclared >= max) return false;
    if (this.#undeclared >= sure && pool !== undefined) {
      if (pool.left === 0) return false;
      pool.left--;
    }
    this.#undeclared++;
    return true;
  }
}
