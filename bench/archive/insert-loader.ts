// pg-promise `helpers.insert`, the usual way to write many rows from Node: multi-row INSERTs, a statement (and transaction) per batch.
import pgPromise from 'pg-promise';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceEvents } from './reference-events.ts';
import { rowOf } from './reference-rows.ts';

/** @param batchSize rows in a statement */
export function serveInsertLoader(batchSize: number): void {
  serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
    const main = pgPromise({ noWarnings: true });
    const database = main({ connectionString: plan.databaseUrl, max: 1 });
    const rows = createReferenceEvents(plan.rows, plan.untilMs).map(rowOf);
    const table = new main.helpers.TableName({ schema: 'keepwatch', table: 'observability_metrics' });
    const columns = new main.helpers.ColumnSet(Object.keys(rows[0] ?? {}), { table });
    return {
      async refill() {
        await database.one('select 1 as ready');
      },
      async load() {
        for (let start = 0; start < rows.length; start += batchSize) {
          await database.none(main.helpers.insert(rows.slice(start, start + batchSize), columns));
        }
      },
    };
  });
}
