// pg-promise `helpers.insert`, the usual way to write many rows from Node: multi-row INSERTs, a statement (and transaction) per batch.
import pgPromise from 'pg-promise';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceEvents, SERVICE, SOURCE_ID, TYPE, timestampOf, uuidOf } from './reference-events.ts';

/** @param batchSize rows in a statement */
export function serveInsertLoader(batchSize: number): void {
  serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
    const main = pgPromise({ noWarnings: true });
    const database = main({ connectionString: plan.databaseUrl, max: 1 });
    await database.one('select 1 as ready');
    const rows = createRows(plan);
    const table = new main.helpers.TableName({ schema: 'keepwatch', table: 'observability_metrics' });
    const columns = new main.helpers.ColumnSet(Object.keys(rows[0] ?? {}), { table });
    return {
      async load() {
        for (let start = 0; start < rows.length; start += batchSize) {
          await database.none(main.helpers.insert(rows.slice(start, start + batchSize), columns));
        }
      },
    };
  });
}

function createRows(plan: ArchivePlan): Record<string, unknown>[] {
  return createReferenceEvents(plan.rows, plan.untilMs).map((event) => ({
    id: event.id,
    start_time: timestampOf(event.endMs - event.durationMs),
    end_time: timestampOf(event.endMs),
    duration_ms: event.durationMs,
    source_id: SOURCE_ID,
    trace_id: uuidOf(event.traceId),
    weight: 1,
    name: event.name,
    type: TYPE,
    status: event.status,
    service: SERVICE,
    span_id: `\\x${event.spanId}`,
    parent_span_id: `\\x${event.parentSpanId}`,
    error: event.error ?? null,
    metadata: JSON.parse(`{${event.seriesMetadata},${event.ownMetadata}}`) as unknown,
  }));
}
