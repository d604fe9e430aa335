// `psql \copy` of a text file in one transaction: the reference. One psql is kept running, so that its start does not count.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceEvents, type ReferenceEvent, SERVICE, SOURCE_ID, TYPE, timestampOf, uuidOf } from './reference-events.ts';

const COLUMNS =
  'id, start_time, end_time, duration_ms, source_id, trace_id, weight, name, type, status, service, span_id, parent_span_id, error, metadata';

serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
  const file = join(plan.folder, 'events.txt');
  await writeFile(file, createReferenceEvents(plan.rows, plan.untilMs).map(copyLine).join(''));
  const { psqlUrl, password } = splitPassword(plan.databaseUrl);
  const psql = spawn(join(plan.binaries, 'psql'), ['-X', '-v', 'ON_ERROR_STOP=1', psqlUrl], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PGPASSWORD: password },
  });
  const lines = createInterface(psql.stdout)[Symbol.asyncIterator]();
  return {
    isElsewhere: true,
    async load() {
      psql.stdin.write(`\\copy keepwatch.observability_metrics (${COLUMNS}) from '${file}'\n`);
      const { value: line, done } = await lines.next();
      if (line !== `COPY ${plan.rows}`) throw new Error(`psql ${done ? 'has ended' : `said ${line}`}, not COPY ${plan.rows}`);
    },
  };
});

function copyLine(event: ReferenceEvent): string {
  const fields = [
    event.id,
    timestampOf(event.endMs - event.durationMs),
    timestampOf(event.endMs),
    event.durationMs,
    SOURCE_ID,
    uuidOf(event.traceId),
    1,
    event.name,
    TYPE,
    event.status,
    SERVICE,
    `\\\\x${event.spanId}`,
    `\\\\x${event.parentSpanId}`,
    event.error ?? '\\N',
    `{${event.seriesMetadata},${event.ownMetadata}}`,
  ];
  return `${fields.join('\t')}\n`;
}

/** The password goes through the environment: arguments can be read by everyone on the machine. */
function splitPassword(databaseUrl: string): { psqlUrl: string; password: string } {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  return { psqlUrl: url.href, password };
}
