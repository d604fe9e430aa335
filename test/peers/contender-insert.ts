// Multi-row INSERT from a queue in memory, the usual way to write many events from Node.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pgPromise from 'pg-promise';
import { BATCH_ROWS, type ChildPlan, type Contender, FINISH_MS, FLUSH_MS } from './contender.ts';

export interface InsertOptions {
  /** Whether an id that is there already is passed over. */
  readonly isUnique: boolean;
  /** Whether a batch that failed is tried again. */
  readonly retries: boolean;
  /** Events at most that wait; what comes then is dropped. */
  readonly maxQueue: number;
}

interface Row {
  readonly run: number;
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly start_time: Date;
  readonly end_time: Date;
  readonly duration_ms: number;
  readonly status: string;
  readonly metadata: object;
}

const COLUMNS = ['run', 'number', 'id', 'name', 'type', 'start_time', 'end_time', 'duration_ms', 'status', 'metadata'];

export function createInsertContender(plan: ChildPlan, { isUnique, retries, maxQueue }: InsertOptions): Contender {
  const main = pgPromise({ noWarnings: true });
  const database = main({ connectionString: plan.databaseUrl, max: 1, connectionTimeoutMillis: 2000, query_timeout: 10_000 });
  database.$pool.on('error', () => {});
  const table = new main.helpers.TableName({ schema: 'peers', table: plan.contender.replaceAll('-', '_') });
  const columns = new main.helpers.ColumnSet(COLUMNS, { table });
  let queue: Row[] = [];
  let isFlushing = false;

  async function flush(): Promise<void> {
    if (isFlushing) return;
    isFlushing = true;
    try {
      while (queue.length > 0) {
        const batch = queue.splice(0, BATCH_ROWS);
        const statement = main.helpers.insert(batch, columns) + (isUnique ? ' on conflict (id) do nothing' : '');
        try {
          await database.tx((transaction) => transaction.none(statement));
        } catch {
          if (retries) queue = [...batch, ...queue];
          return; // the next tick tries again
        }
      }
    } finally {
      isFlushing = false;
    }
  }

  const timer = setInterval(() => void flush(), FLUSH_MS);
  return {
    record(number) {
      if (queue.length >= maxQueue) return;
      const end = new Date();
      queue.push({
        run: plan.run,
        number,
        id: randomUUID(),
        name: 'work',
        type: 'tool',
        start_time: end,
        end_time: end,
        duration_ms: 0,
        status: 'success',
        metadata: { number },
      });
    },
    async finish() {
      const deadline = performance.now() + FINISH_MS;
      while ((queue.length > 0 || isFlushing) && performance.now() < deadline) {
        await flush();
        await sleep(50);
      }
      clearInterval(timer);
      // A pool waits for ever for a connection that was cut while it was in use.
      await Promise.race([database.$pool.end(), sleep(1000)]);
    },
  };
}
