// The only door to pg-promise: a pool, transactions on one connection, COPY inside them, and what errors mean.
import type { Socket } from 'node:net';
import pgPromise, { type IDatabase, type ITask } from 'pg-promise';
import { describeError, KeepwatchError } from '../errors.ts';
import { within } from '../within.ts';
import { CopyIn, type CopyInResult, type ParseValue } from './copy-in.ts';
import { readSql, type SqlFile } from './sql.ts';

type NoExtensions = Record<never, never>;
/** A pool of connections. Statements run with `none`, `one`, `oneOrNone`, `any`, `result`; transactions with `inTransaction`. */
export type Database = IDatabase<NoExtensions>;

/** One open transaction. */
export interface Transaction extends Pick<ITask<NoExtensions>, 'none' | 'one' | 'oneOrNone' | 'any' | 'result' | 'multi'> {
  /** Runs `COPY … FROM STDIN` with bytes that stay unchanged until it is done. @returns the number of rows that Postgres took */
  copyFrom(statement: string | SqlFile, chunks: readonly Uint8Array[], values?: object): Promise<number>;
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
  /** How long a connection that nobody uses is kept; default 30000. */
  readonly idleTimeoutMs?: number;
  /** Whether connections that nobody uses keep the process from ending, until they are closed; default true. */
  readonly holdsProcess?: boolean;
}

const main = pgPromise({ noWarnings: true, error: (error: unknown, { client }) => giveUpUnanswered(error, client) });

/**
 * node-postgres leaves a connection whose answer did not come in time as it is, and the pool would give it to the next statement, which
 * would wait in vain as well, until the kernel finds out after a quarter of an hour. `$connectionError` is pg-promise's own mark: a client
 * that bears it does not go back to the pool.
 */
function giveUpUnanswered(error: unknown, client: object | undefined): void {
  const wasSent = error instanceof Error && 'query' in error;
  if (client === undefined || !wasSent || error instanceof pgPromise.errors.QueryResultError || sqlState(error) !== undefined)
    return;
  Object.assign(client, { $connectionError: error });
  destroySocket(client);
}

/** Ends a connection at once: a farewell that nobody takes would keep its socket, and the process, for as long. */
function destroySocket(client: object): void {
  (client as { connection: { stream: Socket } }).connection.stream.destroy();
}

/** Opens nothing yet: connections are made as statements need them. Close it with `closeDatabase`. */
export function createDatabase(options: DatabaseOptions): Database {
  const database: Database = main({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName ?? 'keepwatch',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    query_timeout: options.queryTimeoutMs ?? 60_000,
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
    allowExitOnIdle: options.holdsProcess === false,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // pg-promise stops listening when the pool ends, but its connections are still closing then: the last words of a server that goes down
  // in this moment would end the process. Whoever has a statement under way hears of the loss by its rejection.
  database.$pool.on('error', () => {});
  return database;
}

/**
 * Ends all connections once they are free. A closed database may be closed again.
 * @param options.timeoutMs how long to wait for those in use; then they are cut, and what waits for an answer rejects. Default: for ever
 */
export async function closeDatabase(database: Database, { timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
  const { $pool: pool } = database;
  if (pool.ended) return;
  const ended = pool.end();
  if (timeoutMs === undefined) return ended;
  if (await within(timeoutMs, ended)) return;
  // The pool knows no way to give up a connection that somebody uses, nor one that is being made.
  const { _clients: clients = [] } = pool as unknown as { _clients?: readonly object[] };
  for (const client of [...clients]) destroySocket(client);
}

const BEGIN = { write: readSql('db/begin-write'), snapshot: readSql('db/begin-snapshot') } as const;

/**
 * Runs `work` in one transaction on one connection: commits when it resolves, rolls back when it rejects. When the connection is lost
 * during COMMIT the outcome is unknown, and the promise rejects: only the database can tell what happened.
 * @param mode `write` (default), or `snapshot`: read only, and every statement sees the same moment
 */
export function inTransaction<T>(
  database: Database,
  work: (transaction: Transaction) => Promise<T>,
  mode: keyof typeof BEGIN = 'write',
): Promise<T> {
  return onConnection(database, async (connection) => {
    await connection.multi(BEGIN[mode]);
    const result = await work(createTransaction(connection));
    // COMMIT of a transaction in which a statement failed is answered with ROLLBACK, and without an error.
    refuseRollback((await connection.result('commit')).command);
    return result;
  });
}

/** A statement with its values, and the bytes that it takes when it is a `COPY … FROM STDIN`. */
export interface Statement {
  readonly sql: string | SqlFile;
  readonly values?: object;
  /** They stay unchanged until the transaction is over. */
  readonly chunks?: readonly Uint8Array[];
}

/**
 * Runs a transaction that writes, in one message and one round trip: `settings`, `guard`, `statements`, COMMIT. When the guard has no row
 * nothing takes effect. What becomes unknown when the connection is lost is the same as with `inTransaction`, at any moment of it.
 * @param transaction.statements one of them at least is a COPY: at the first one it is known what the guard says
 * @returns the row of the guard
 */
export function transactAtOnce<Row>(
  database: Database,
  { settings, guard, statements }: { settings: string; guard: Statement; statements: readonly Statement[] },
): Promise<Row | undefined> {
  const copies = statements.flatMap(({ chunks }) => (chunks === undefined ? [] : [chunks]));
  if (copies.length === 0) throw new TypeError('a transaction at once needs a COPY');
  const texts = [guard, ...statements].map(({ sql, values = {} }) => pgPromise.as.format(sql, values));
  const text = [BEGIN.write, settings, ...texts, 'commit'].join(';\n');
  return onConnection(database, async (connection) => {
    const { row, command } = await copyIn(
      connection,
      new CopyIn(text, { copies, mayCopy: (first) => first !== undefined, parseValue }),
    );
    if (command === undefined) await connection.none('rollback');
    else refuseRollback(command);
    return command === undefined ? undefined : (row as Row);
  });
}

const parseValue: ParseValue = (dataTypeId, text) => main.pg.types.getTypeParser(dataTypeId, 'text')(text);

type Connection = Awaited<ReturnType<Database['connect']>>;

/** Runs what leaves no transaction open when it resolves; when it rejects, rolls back or gives the connection up. */
async function onConnection<T>(database: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await database.connect({ onLost() {} });
  let isBroken = false;
  try {
    return await work(connection);
  } catch (error) {
    isBroken = isConnectionError(error) || !(await succeeds(connection.none('rollback')));
    if (isBroken) destroySocket(connection.client);
    throw error;
  } finally {
    await connection.done(isBroken);
  }
}

function refuseRollback(command: string): void {
  if (command !== 'COMMIT') throw new KeepwatchError('ERR_DATABASE_UNAVAILABLE', `COMMIT was answered with ${command}`);
}

function copyIn(connection: Connection, copy: CopyIn): Promise<CopyInResult> {
  return (connection.client as unknown as { query(copy: CopyIn): CopyIn }).query(copy).done;
}

function succeeds(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}

function createTransaction(connection: Connection): Transaction {
  let savepoints = 0;
  const transaction: Transaction = {
    none: connection.none.bind(connection),
    one: connection.one.bind(connection),
    oneOrNone: connection.oneOrNone.bind(connection),
    any: connection.any.bind(connection),
    result: connection.result.bind(connection),
    multi: connection.multi.bind(connection),
    copyFrom: async (statement, chunks, values = {}) => {
      const text = pgPromise.as.format(statement, values);
      return (await copyIn(connection, new CopyIn(text, { copies: [chunks] }))).copied;
    },
    savepoint: async (work) => {
      const name = `keepwatch_${++savepoints}`;
      await connection.none('savepoint $<name:name>', { name });
      try {
        const result = await work(transaction);
        await connection.none('release savepoint $<name:name>', { name });
        return result;
      } catch (error) {
        if (!isConnectionError(error)) await connection.none('rollback to savepoint $<name:name>', { name });
        throw error;
      }
    },
  };
  return transaction;
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
