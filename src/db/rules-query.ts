// Runs SQL that is not trusted: the query of an alerting rule. One SELECT in a read-only snapshot, bounded in time, rows and bytes; nothing that
// it does outlives it. What it may read is up to the role of the connection (keepwatch_rules).
import type { Socket } from 'node:net';
import { KeepwatchError } from '../errors.ts';
import { type Database, isConnectionError, sqlState } from './database.ts';
import { type PgResult, RAW_TEXT, type RulesRows, toRows } from './rules-rows.ts';
import { loadSql, readSql } from './sql.ts';

export interface RulesQuery {
  /** One SELECT with `$1` parameters and no semicolon. */
  readonly text: string;
  readonly values: readonly (string | number | boolean)[];
}

export interface RulesQueryLimits {
  /** Rows that are fetched at most: ask for one more than is allowed. 0 plans the query and describes its columns, but does not run it. */
  readonly maxRows: number;
  /** Default RULES_TIMEOUT_MS. */
  readonly statementTimeoutMs?: number;
  /** Size of the answer at most; default 16 MB. */
  readonly maxBytes?: number;
}

/** What several queries have together, besides what each of them has. */
export interface SharedLimits extends RulesQueryLimits {
  /** For all of them; one that runs when it is over is cancelled by Postgres, and the rest is not asked. Default: no bound. */
  readonly totalTimeoutMs?: number;
  /** Once it is aborted nothing more is asked. */
  readonly signal?: AbortSignal;
}

interface RawClient {
  query(config: object): Promise<PgResult>;
  readonly connection: { readonly stream: Socket };
}

const LOCK_TIMEOUT = '250ms';
const IDLE_TIMEOUT = '10000ms';
/** How long a query may take unless it is said otherwise. */
export const RULES_TIMEOUT_MS = 5000;
const DEFAULT_MAX_BYTES = 16 * 2 ** 20;
/** How much longer than Postgres we wait before the connection is given up: it should have cancelled by then. */
const GRACE_MS = 5000;
/** SQLSTATE of a statement that ran into its timeout, or that somebody cancelled. */
export const QUERY_CANCELED = '57014';
const BEGIN = loadSql('db/begin-rules-query');
const END = readSql('db/end-rules-query');

/** What became of one of several queries. */
export type RulesAnswer = {
  /** From the moment it was sent to its last row. */
  readonly durationMs: number;
} & (
  | { readonly rows: RulesRows }
  | {
      readonly error: unknown;
      /** The time that all had together was over, or they were stopped. */
      readonly isCut?: boolean;
    }
);

/**
 * Runs one query and forgets its session. The query stands inside `select * from (…) limit n`: there only a SELECT without side effects parses,
 * and node-postgres' extended protocol takes no second statement.
 * @throws the error of Postgres (`queryErrorLine` tells where), KeepwatchError ERR_RULES_INVALID when the answer is larger than allowed, or an Error when it does not come
 */
export function runRulesQuery(database: Database, query: RulesQuery, limits: RulesQueryLimits): Promise<RulesRows> {
  return runOne(database, query, limits, PREFIX);
}

/** What the planner expects of a query. */
export interface RulesQueryPlan {
  /** In the units of the planner: a page that is read in order costs 1. */
  readonly cost: number;
  readonly rows: number;
}

/** Plans a query, and does not run it. @throws what `runRulesQuery` throws; then `queryErrorLine` does not know the line */
export async function explainRulesQuery(
  database: Database,
  query: RulesQuery,
  limits: RulesQueryLimits,
): Promise<RulesQueryPlan> {
  const { rows } = await runOne(database, query, limits, `explain (format json) ${PREFIX}`);
  const [found] = JSON.parse(String(rows[0]?.[0])) as [{ Plan: { 'Total Cost': number; 'Plan Rows': number } }];
  return { cost: found.Plan['Total Cost'], rows: found.Plan['Plan Rows'] };
}

async function runOne(database: Database, query: RulesQuery, limits: RulesQueryLimits, prefix: string): Promise<RulesRows> {
  let answer: RulesAnswer | undefined;
  const onAnswer = (_: number, given: RulesAnswer) => {
    answer = given;
  };
  const timeoutMs = limits.statementTimeoutMs ?? RULES_TIMEOUT_MS;
  await runOnConnection(database, { queries: [query], from: 0, limits, leftMs: () => timeoutMs, prefix, onAnswer });
  if (answer === undefined || 'error' in answer) throw answer?.error;
  return answer.rows;
}

/**
 * Runs several queries one after the other, all of the same moment: in one transaction, each from the same savepoint, so that none sees an error,
 * a setting or a lock of another. One that costs the connection leaves the rest to a new one, and a later moment. Never rejects, and takes little
 * longer than `totalTimeoutMs`.
 * @param onAnswer called once for each query, in order
 */
export async function runRulesQueries(
  database: Database,
  queries: readonly RulesQuery[],
  limits: SharedLimits,
  onAnswer: (index: number, answer: RulesAnswer) => void,
): Promise<void> {
  const { statementTimeoutMs = RULES_TIMEOUT_MS, totalTimeoutMs = Number.POSITIVE_INFINITY, signal } = limits;
  const endsAtMs = performance.now() + totalTimeoutMs;
  const leftMs = () => (signal?.aborted === true ? 0 : Math.min(statementTimeoutMs, endsAtMs - performance.now()));
  for (let next = 0; next < queries.length; ) {
    const startedAtMs = performance.now();
    try {
      if (leftMs() <= 0) throw notAsked(limits);
      next = await runOnConnection(database, { queries, from: next, limits, leftMs, prefix: PREFIX, onAnswer });
    } catch (error) {
      if (leftMs() <= 0) {
        for (; next < queries.length; next++) onAnswer(next, { durationMs: 0, error: notAsked(limits), isCut: true });
        return;
      }
      const durationMs = performance.now() - startedAtMs;
      for (; next < queries.length; next++) onAnswer(next, { durationMs, error });
    }
  }
}

interface Run {
  readonly queries: readonly RulesQuery[];
  readonly from: number;
  readonly limits: SharedLimits;
  /** How long the next query may take; 0 or less: it is not asked. */
  readonly leftMs: () => number;
  readonly prefix: string;
  readonly onAnswer: (index: number, answer: RulesAnswer) => void;
}

/** @returns the index of the first query that has no answer yet @throws when there is no connection, or it takes no query */
async function runOnConnection(database: Database, run: Run): Promise<number> {
  const { queries, from, leftMs, onAnswer } = run;
  const connection = await database.connect({ onLost() {} });
  const client = connection.client as unknown as RawClient;
  let isReusable = false;
  let next = from;
  try {
    let timeoutMs = leftMs();
    const baseMs = timeoutMs;
    await connection.multi(BEGIN, { statementTimeout: toSetting(baseMs), lockTimeout: LOCK_TIMEOUT, idleTimeout: IDLE_TIMEOUT });
    isReusable = true;
    for (const query of queries.slice(from)) {
      const answer = await ask(client, query, timeoutMs, run);
      isReusable = !('error' in answer) || answer.isCut === true || !isConnectionError(answer.error);
      onAnswer(next++, answer);
      timeoutMs = leftMs();
      if (!isReusable || next === queries.length || timeoutMs <= 0) break;
      await client.query({
        text: timeoutMs < baseMs ? `${BACK}; set local statement_timeout = '${toSetting(timeoutMs)}'` : BACK,
      });
    }
    return next;
  } catch (error) {
    isReusable = false;
    if (next === from) throw error;
    return next;
  } finally {
    if (isReusable) isReusable = await forget(client);
    await connection.done(!isReusable);
  }
}

async function ask(client: RawClient, query: RulesQuery, timeoutMs: number, { limits, prefix }: Run): Promise<RulesAnswer> {
  const startedAtMs = performance.now();
  try {
    const result = await countingBytes(client.connection.stream, limits.maxBytes ?? DEFAULT_MAX_BYTES, () =>
      client.query({
        text: `${prefix}${query.text}\n) as rule limit ${Math.trunc(limits.maxRows)}`,
        values: query.values,
        queryMode: 'extended',
        rowMode: 'array',
        types: RAW_TEXT,
        query_timeout: Math.ceil(timeoutMs) + GRACE_MS,
      }),
    );
    return { durationMs: performance.now() - startedAtMs, rows: toRows(result) };
  } catch (error) {
    const durationMs = performance.now() - startedAtMs;
    const isCut = sqlState(error) === QUERY_CANCELED && timeoutMs < (limits.statementTimeoutMs ?? RULES_TIMEOUT_MS);
    return isCut ? { durationMs, error: cancelled(limits, error), isCut } : { durationMs, error };
  }
}

/** 0 would be no limit at all. */
function toSetting(timeoutMs: number): string {
  return `${Math.max(1, Math.ceil(timeoutMs))}ms`;
}

function cancelled({ totalTimeoutMs = 0 }: SharedLimits, cause: unknown): KeepwatchError {
  const text = `cancelled, as it and the queries before it took the ${totalTimeoutMs / 1000} s that they have together`;
  return new KeepwatchError('ERR_QUERY_TIMEOUT', text, { cause });
}

function notAsked({ totalTimeoutMs = 0, signal }: SharedLimits): KeepwatchError {
  const why =
    signal?.aborted === true ? 'the process stops' : `others took the ${totalTimeoutMs / 1000} s that they have together`;
  return new KeepwatchError('ERR_QUERY_TIMEOUT', `not asked, as ${why}`);
}

/** Undoes what a query did, error included; the transaction goes on. */
const BACK = 'rollback to savepoint keepwatch_rule';

/** On a line of its own, so that the lines of an error are those of the query, plus one. */
const PREFIX = 'select * from (\n';

/** Where in the query (line, from 1) Postgres saw the error; undefined when it does not say, or it is not in the query. */
export function queryErrorLine(error: unknown, query: RulesQuery): number | undefined {
  const position = Number((error as { position?: unknown } | null)?.position);
  if (!Number.isInteger(position) || position <= PREFIX.length || position > PREFIX.length + query.text.length + 1)
    return undefined;
  let left = position - PREFIX.length - 1;
  let line = 1;
  for (const char of query.text) {
    if (left-- <= 0) break;
    if (char === '\n') line++;
  }
  return line;
}

/**
 * Ends the transaction without effect, and drops what outlives a rollback: advisory locks while the transaction is open, since behind
 * PgBouncer the next statement may go to another session; the rest of the session when that is ours alone.
 */
async function forget(client: RawClient): Promise<boolean> {
  try {
    await client.query({ text: END });
    await client.query({ text: 'discard all' });
    return true;
  } catch {
    return false;
  }
}

/** Nothing in Postgres limits bytes on the wire: a flood cuts the connection before it fills our memory. */
async function countingBytes<T>(stream: Socket, maxBytes: number, run: () => Promise<T>): Promise<T> {
  let bytes = 0;
  let isTooLarge = false;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes || isTooLarge) return;
    isTooLarge = true;
    stream.destroy();
  };
  stream.on('data', count);
  try {
    return await run();
  } catch (error) {
    if (!isTooLarge) throw error;
    const text = `the answer is larger than ${maxBytes} bytes; name fewer columns, group by less, or filter`;
    throw new KeepwatchError('ERR_RULES_INVALID', text, { cause: error });
  } finally {
    stream.off('data', count);
  }
}
