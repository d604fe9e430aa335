// The only door to pg-promise: a pool, transactions on one connection, COPY inside them, and what errors mean.
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import pgPromise, { type IConnected, type IDatabase, type ITask } from 'pg-promise';
import { describeError, KeepwatchError } from '../errors.ts';

type NoExtensions = Record<never, never>;
type PgClient = IConnected<
  NoExtensions,
  pgPromise.IMain['pg']['Client'] extends new (...args: never[]) => infer C ? C & object : never
>['client'];

/** A pool of connections. Statements run with `none`, `one`, `oneOrNone`, `any`, `result`; transactions with `inTransaction`. */
export type Database = IDatabase<NoExtensions>;

/** One open transaction. */
export interface Transaction extends Pick<ITask<NoExtensions>, 'none' | 'one' | 'oneOrNone' | 'any' | 'result' | 'multi'> {
  /** Runs `COPY … FROM STDIN` with the given bytes. @returns the number of rows that Postgres took */
  copyFrom(statement: string, chunks: Iterable<Uint8Array>): Promise<number>;
  /** Runs `work` in a savepoint: when it rejects, only its own effects are undone. */
  savepoint<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

export interface DatabaseOptions {
  /** `postgres://…` */
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  /** Shown in pg_stat_activity; default `keepwatch`. */
  readonly applicationName?: string;
  /** How long to wait for a connection; default 5000. */
  readonly connectTimeoutMs?: number;
  /** How long an answer may take before the connection is given up; default 60000. */
  readonly queryTimeoutMs?: number;
}

const main = pgPromise({ noWarnings: true });

/** Opens nothing yet: connections are made as statements need them. Close it with `closeDatabase`. */
export function createDatabase(options: DatabaseOptions): Database {
  const database: Database = main({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName ?? 'keepwatch',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    query_timeout: options.queryTimeoutMs ?? 60_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // pg-promise stops listening when the pool ends, but its connections are still closing then: the last words of a server that goes down
  // in this moment would end the process. Whoever has a statement under way hears of the loss by its rejection.
  database.$pool.on('error', () => {});
  return database;
}

/** Ends all connections once they are free. A closed database may be closed again. */
export async function closeDatabase(database: Database): Promise<void> {
  if (!database.$pool.ended) await database.$pool.end();
}

/**
 * Runs `work` in one transaction on one connection: commits when it resolves, rolls back when it rejects. When the connection is lost
 * during COMMIT the outcome is unknown, and the promise rejects: only the database can tell what happened.
 */
export async function inTransaction<T>(database: Database, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const connection = await database.connect({ onLost() {} });
  let isBroken = false;
  try {
    return await connection.tx((task) => work(createTransaction(task, connection.client)));
  } catch (error) {
    isBroken = isConnectionError(error);
    throw error;
  } finally {
    await connection.done(isBroken);
  }
}

function createTransaction(task: ITask<NoExtensions>, client: PgClient): Transaction {
  return {
    none: task.none.bind(task),
    one: task.one.bind(task),
    oneOrNone: task.oneOrNone.bind(task),
    any: task.any.bind(task),
    result: task.result.bind(task),
    multi: task.multi.bind(task),
    copyFrom: async (statement, chunks) => {
      const stream = client.query(copyFrom(statement) as never) as unknown as Writable & { rowCount: number };
      await pipeline(chunks, stream);
      return stream.rowCount;
    },
    savepoint: (work) => task.tx((inner) => work(createTransaction(inner, client))),
  };
}

/** The five-character SQLSTATE of an error that Postgres sent; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in (error as object) ? code : undefined;
}

/** Whether the error speaks of the connection or the server, not of the statement: trying again later may work. */
export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return true;
  return state.startsWith('08') || (state.startsWith('57') && state !== '57014') || state.startsWith('53');
}

/**
 * Asks the server for its version.
 * @throws KeepwatchError ERR_DATABASE_UNAVAILABLE, naming host, port and database but no credentials
 */
export async function pingDatabase(database: Database, url: string): Promise<{ version: number }> {
  try {
    const row = await database.one<{ version: string }>(`select current_setting('server_version_num') as version`);
    return { version: Number(row.version) };
  } catch (cause) {
    const { host, pathname } = new URL(url);
    throw new KeepwatchError(
      'ERR_DATABASE_UNAVAILABLE',
      `Postgres at ${host}${pathname} does not answer: ${describeError(cause)}`,
      { cause },
    );
  }
}
