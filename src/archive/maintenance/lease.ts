// Work that one process at a time does: a row in Postgres that says who, until when. No session state: it works behind a pooler.
import { type Database, inTransaction, type Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';

const takeLease = loadSql('archive/take-lease');
const holdLease = loadSql('archive/hold-lease');
const releaseLease = loadSql('archive/release-lease');

export interface LeaseOptions {
  readonly database: Database;
  /** The work. */
  readonly name: string;
  /** Unique to this process. */
  readonly holder: string;
  /** Until others may take it, unless it is renewed. */
  readonly seconds: number;
}

export class Lease {
  readonly #options: LeaseOptions;
  #epoch: number | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Takes it, or holds it for longer. @returns whether it is ours @throws what Postgres says */
  async take(): Promise<boolean> {
    const { database, name, holder, seconds } = this.#options;
    const row = await database.oneOrNone<{ epoch: number }>(takeLease, { name, holder, seconds });
    this.#epoch = row?.epoch;
    return row !== null;
  }

  /** Gives it up, so that nobody has to wait until it ends. @throws what Postgres says */
  async release(): Promise<void> {
    const { database, name, holder } = this.#options;
    if (this.#epoch !== undefined) await database.none(releaseLease, { name, holder, epoch: this.#epoch });
    this.#epoch = undefined;
  }

  /** Whether it is still ours; then it stays so until the transaction ends. */
  async holds(transaction: Transaction): Promise<boolean> {
    if (this.#epoch === undefined) return false;
    const { name, holder } = this.#options;
    return (await transaction.oneOrNone(holdLease, { name, holder, epoch: this.#epoch })) !== null;
  }
}

/**
 * Works in a transaction until whose end the lease stays ours.
 * @returns what `work` does; undefined: it is not ours any more, and nothing was done
 * @throws what Postgres says
 */
export function whileHeld<T>(
  { database, lease }: { readonly database: Database; readonly lease: Lease },
  work: (transaction: Transaction) => Promise<T>,
): Promise<T | undefined> {
  return inTransaction(database, async (transaction) => ((await lease.holds(transaction)) ? work(transaction) : undefined));
}
