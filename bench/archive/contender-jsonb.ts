// `jsonb_populate_recordset`: a batch of 10,000 rows as one JSON parameter, a statement (and transaction) each.
import pgPromise from 'pg-promise';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceEvents } from './reference-events.ts';
import { COLUMNS, rowOf } from './reference-rows.ts';

const BATCH_SIZE = 10_000;
const INSERT = `insert into keepwatch.observability_metrics (${COLUMNS})
  select ${COLUMNS} from jsonb_populate_recordset(null::keepwatch.observability_metrics, $1::jsonb)`;

serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
  const main = pgPromise({ noWarnings: true });
  const database = main({ connectionString: plan.databaseUrl, max: 1 });
  const rows = createReferenceEvents(plan.rows, plan.untilMs).map(rowOf);
  return {
    async refill() {
      await database.one('select 1 as ready');
    },
    async load() {
      for (let start = 0; start < rows.length; start += BATCH_SIZE) {
        const text = JSON.stringify(rows.slice(start, start + BATCH_SIZE));
        await database.none(new main.ParameterizedQuery({ text: INSERT, values: [text] }));
      }
    },
  };
});
