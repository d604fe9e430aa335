// Between evaluators and the outbox: puts what there is to tell into groups, and writes the messages of groups whose time has come. Each piece is one
// transaction, and one dispatcher works at a time, whatever the number of processes; one that dies leaves nothing half done.
import { type Database, inTransaction, type Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { describeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { type FiringAlert, Inhibitor, type InhibitRule } from '../../routing/inhibition.ts';
import type { FlapDamping } from '../../routing/routing.ts';
import { listActiveSilences } from './active-silences.ts';
import { type ActiveSilence, type FlushContext, flushGroup } from './group-flush.ts';
import { type GroupRow, type MemberRow, toMembers, toPolicy } from './group-rows.ts';
import { type FlushedGroup, writeFlushes } from './group-writes.ts';
import { takeChanges } from './take-changes.ts';

export interface DispatcherOptions {
  readonly database: Database;
  /** Names of the receivers whose groups are told. */
  readonly receivers: readonly string[];
  /** Messages of a minute that people can read; what is more is told as one digest. Undefined: never. */
  readonly digestOver?: ((receiver: string) => number | undefined) | undefined;
  readonly inhibitRules?: readonly InhibitRule[] | undefined;
  /** Undefined: every change is told. */
  readonly flapDamping?: FlapDamping | undefined;
  /** How long the outbox tries to deliver. */
  readonly maxDeliveryAgeMs: number;
  readonly logger: Logger;
}

const BEGIN = loadSql('alerts/delivery/begin-dispatch');
const LIST_DUE = loadSql('alerts/delivery/list-due-groups');
const LIST_MEMBERS = loadSql('alerts/delivery/list-members');
const LIST_FIRING = loadSql('alerts/delivery/list-firing');
const DELETE_ORPHANS = loadSql('alerts/delivery/delete-orphans');
const ORPHANS_EVERY_MS = 3_600_000;
/** Looked at in one transaction: a group that would be one too many, or whose alerts would be, waits for the next one. */
const MOST = { groups: 1000, members: 10_000 };

/** Dispatches; holds nothing but what is running. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #memory: Memory = { silences: new Map(), orphansAtMs: 0 };
  #running: Promise<boolean> | undefined;
  #isStopping = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /**
   * Works until nothing waits; joins a run that has begun already, and looks once more after it. Never rejects.
   * @returns whether messages went to the outbox
   */
  async dispatch(): Promise<boolean> {
    const before = await this.#running;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return (await this.#running) || before === true;
  }

  /** No new piece is begun; resolves when the one under way is done. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(): Promise<boolean> {
    const { database, logger } = this.#options;
    let hasMessages = false;
    try {
      while (!this.#isStopping) {
        const piece = await inTransaction(database, (transaction) => dispatchPiece(transaction, this.#options, this.#memory));
        hasMessages ||= piece.messages > 0;
        if (piece.isIdle) break;
      }
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'alerts could not be put into groups; tried again with the next tick');
    }
    return hasMessages;
  }
}

/** What one dispatcher knows from piece to piece. */
interface Memory {
  /** Read once for each of their versions. */
  readonly silences: Map<string, ActiveSilence>;
  /** When groups without a receiver were last looked for. */
  orphansAtMs: number;
}

/** What a piece of work came to. */
interface Piece {
  readonly messages: number;
  /** Nothing waits any more, or another dispatcher is at work. */
  readonly isIdle: boolean;
}

/** One transaction's work: some changes, then the groups whose time has come. */
async function dispatchPiece(transaction: Transaction, options: DispatcherOptions, memory: Memory): Promise<Piece> {
  const { is_mine, now_ms: beganMs } = await transaction.one<{ is_mine: boolean; now_ms: number }>(BEGIN);
  if (!is_mine) return { messages: 0, isIdle: true };
  const taken = await takeChanges(transaction);
  const { receivers, inhibitRules = [], flapDamping } = options;
  if (beganMs > memory.orphansAtMs + ORPHANS_EVERY_MS) {
    memory.orphansAtMs = beganMs;
    await transaction.none(DELETE_ORPHANS, { receivers });
  }
  const groups = await transaction.any<GroupRow & { readonly now_ms: number }>(LIST_DUE, {
    ...{ receivers, most: MOST.groups, mostMembers: MOST.members },
  });
  const nowMs = groups[0]?.now_ms;
  if (nowMs === undefined) return { messages: 0, isIdle: taken === 0 };
  const rows = await transaction.any<MemberRow>(LIST_MEMBERS, { groups: groups.map(({ group_key }) => group_key) });
  const context: FlushContext = {
    nowMs,
    inhibitor: new Inhibitor(inhibitRules, inhibitRules.length === 0 ? [] : await transaction.any<FiringAlert>(LIST_FIRING)),
    silences: await listActiveSilences(transaction, memory.silences),
  };
  const byGroup = new Map(groups.map(({ group_key }): [string, MemberRow[]] => [group_key, []]));
  for (const row of rows) byGroup.get(row.group_key)?.push(row);
  const flushed = groups.map((group): FlushedGroup => {
    const own = byGroup.get(group.group_key) ?? [];
    const flush = flushGroup(toMembers(own, group, flapDamping, nowMs), toPolicy(group), context);
    return { group, rows: own, flush };
  });
  const messages = await writeFlushes(transaction, flushed, { ...options, nowMs });
  return { messages, isIdle: false };
}
