// Forgets what is old: evaluations, transitions, messages, records of what people did, silences, acknowledgements, and what groups leave behind that
// nobody evaluates any more. Every hour, in pieces, by each process that evaluates; what several of them find is done once. Series of groups that live,
// their slots forget.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface PruneOptions {
  readonly database: Database;
  /** Rows of a table that one statement removes at most; default 5000. */
  readonly most?: number;
  /** No statement is begun once it says so. */
  isStopped?(): boolean;
}

export interface PruningOptions {
  readonly database: Database;
  readonly logger: Logger;
  /** How long nothing is done at first; default 10 minutes. */
  readonly firstAfterMs?: number;
}

const STATEMENTS = ['history', 'evaluations', 'groups', 'delivery'].map((what) => loadSql(`alerts/prune-${what}`));
const MOST = 5000;
/** Pieces of one kind in an hour: 5 million rows are what 1,400 evaluations a second leave. */
const MAX_PIECES = 1000;
const EVERY_MS = 3_600_000;
/** A process that has just come up has other things to do. */
const FIRST_AFTER_MS = 600_000;

/** Removes what is old, each piece in a transaction of its own. @returns how many rows @throws the error of the database */
export async function prune({ database, most = MOST, isStopped = () => false }: PruneOptions): Promise<number> {
  let total = 0;
  for (const statement of STATEMENTS) {
    for (let piece = 0; piece < MAX_PIECES && !isStopped(); piece++) {
      const { pruned } = await database.one<{ pruned: number }>(statement, { most });
      total += pruned;
      if (pruned < most) break;
    }
  }
  return total;
}

/** Prunes when it is time to, and never twice at once. */
export class Pruning {
  readonly #database: Database;
  readonly #logger: Logger;
  #dueAtMs: number;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor({ database, logger, firstAfterMs = FIRST_AFTER_MS }: PruningOptions) {
    this.#database = database;
    this.#logger = logger;
    this.#dueAtMs = performance.now() + firstAfterMs;
  }

  /** Begins what is due, and does not wait for it. */
  tick(): void {
    if (this.#isStopped || this.#running !== undefined || performance.now() < this.#dueAtMs) return;
    this.#dueAtMs = performance.now() + EVERY_MS;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Waits for the piece that runs; no other one is begun. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      const rows = await prune({ database: this.#database, isStopped: () => this.#isStopped });
      if (rows > 0) this.#logger.info({ rows }, 'what alerts have left behind was removed');
    } catch (error) {
      this.#logger.warn(
        { error: describeError(error) },
        'what alerts have left behind could not be removed; tried again in an hour',
      );
    }
  }
}
