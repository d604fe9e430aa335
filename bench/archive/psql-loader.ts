// `psql \copy` of a file in one transaction. One psql is kept running, so that its start does not count.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ArchivePlan, type Loader, serveLoader } from './contender.ts';
import { createReferenceEvents } from './reference-events.ts';
import { COLUMNS, copyLine } from './reference-rows.ts';

export function servePsqlLoader(format: 'text' | 'binary'): void {
  serveLoader(async (plan: ArchivePlan): Promise<Loader> => {
    const file = join(plan.folder, 'events');
    await writeFile(file, createReferenceEvents(plan.rows, plan.untilMs).map(copyLine).join(''));
    const { psqlUrl, password } = splitPassword(plan.databaseUrl);
    const psql = spawn(join(plan.binaries, 'psql'), ['-X', '-v', 'ON_ERROR_STOP=1', psqlUrl], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PGPASSWORD: password },
    });
    const lines = createInterface(psql.stdout)[Symbol.asyncIterator]();
    const expect = async (wanted: string, command: string) => {
      psql.stdin.write(`${command}\n`);
      const { value: line, done } = await lines.next();
      if (line !== wanted) throw new Error(`psql ${done ? 'has ended' : `said ${line}`}, not ${wanted}`);
    };
    const copied = `COPY ${plan.rows}`;
    if (format === 'binary') {
      await expect('CREATE TABLE', 'create temporary table events (like keepwatch.observability_metrics including defaults);');
      await expect(copied, `\\copy events (${COLUMNS}) from '${file}'`);
      await expect(copied, `\\copy events (${COLUMNS}) to '${file}' with (format binary)`);
      await expect('DROP TABLE', 'drop table events;');
    }
    return {
      isElsewhere: true,
      load: () => expect(copied, `\\copy keepwatch.observability_metrics (${COLUMNS}) from '${file}' with (format ${format})`),
    };
  });
}

/** The password goes through the environment: arguments can be read by everyone on the machine. */
function splitPassword(databaseUrl: string): { psqlUrl: string; password: string } {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  return { psqlUrl: url.href, password };
}
