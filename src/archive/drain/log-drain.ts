// Drains the log lines of a source behind its events, which never wait for them: they have a moment of each run, and what they run into
// (a schema without their table, a missing right) is said, and ends here.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { describeError } from '../../errors.ts';
import { type DrainContext, readMark } from './drain.ts';
import type { LaneState } from './drain-messages.ts';
import { LaneDrain, type LaneDrainOptions, type LaneResult } from './lane-drain.ts';
import { RefusalStreak } from './refused-rows.ts';

/** Of each run, unless it has to bring everything to its end. */
const BUDGET_MS = 500;

const hasLogsSql = loadSql('archive/has-logs');

export interface LogResult extends LaneResult {
  /** Why lines wait; undefined: nothing but time. */
  readonly reason?: string;
}

export class LogDrain {
  readonly #lane: LaneDrain;
  readonly #options: Omit<LaneDrainOptions, 'lane'>;
  #refusals: RefusalStreak | undefined;
  #hasTable = false;
  #saidReason: string | undefined;

  constructor(options: Omit<LaneDrainOptions, 'lane'>) {
    this.#options = options;
    this.#lane = new LaneDrain({ ...options, lane: 'logs' });
  }

  /** The lane, for what is said of all. */
  get lane(): LaneDrain {
    return this.#lane;
  }

  /** Whether there was ever a line. */
  isUsed(state: LaneState): boolean {
    return state.lastSealed > 0 || state.memory !== undefined || this.#options.acknowledged.from('logs', 0).length > 0;
  }

  /** Never rejects. @param isWhole go on until all is committed */
  async run(context: DrainContext, state: LaneState, { isWhole }: { isWhole: boolean }): Promise<LogResult> {
    if (!this.isUsed(state)) return { isDone: true, missing: [], mustRetell: false };
    try {
      const result = await this.#drain(context, state, isWhole ? Infinity : performance.now() + BUDGET_MS);
      this.#saidReason = undefined;
      return result;
    } catch (error) {
      const reason = `log lines wait in the spool: ${describeError(error)}`;
      if (reason !== this.#saidReason) context.logger.warn({}, reason);
      this.#saidReason = reason;
      return { isDone: false, missing: [], mustRetell: false, reason };
    }
  }

  async #drain(context: DrainContext, state: LaneState, untilMs: number): Promise<LaneResult> {
    await this.#findTable(context.database);
    const { source, acknowledged } = this.#options;
    const mark = await readMark(source, 'logs', context);
    this.#lane.compare(mark);
    if (this.#lane.isBehind) await acknowledged.refresh();
    this.#refusals ??= new RefusalStreak(context.logger);
    const shouldStop = () => context.shouldStop?.() === true || performance.now() > untilMs;
    const own = { ...context, refusals: this.#refusals, otherLanesMs: -Infinity, shouldStop };
    return await this.#lane.run(own, state, mark);
  }

  async #findTable(database: Database): Promise<void> {
    this.#hasTable ||= await hasLogTable(database);
    if (!this.#hasTable) throw new Error(NO_TABLE);
  }
}

/** Whether log lines can be archived: a process may run before `keepwatch migrate` has. */
export async function hasLogTable(database: Database): Promise<boolean> {
  return (await database.one<{ has_logs: boolean }>(hasLogsSql)).has_logs;
}

export const NO_TABLE = 'the schema has no table for them yet; keepwatch migrate makes it';
