// `npm run peers`: the usual ways to write events to Postgres, and Keepwatch, under the same faults: how many events are lost or doubled.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createPostgresServer } from '../support/postgres-server.ts';
import { findTool } from '../support/tools.ts';
import { CONTENDER_NAMES } from './contender.ts';
import { FAULT_NAMES } from './faults.ts';
import { formatResults } from './report.ts';
import { playRun, prepareDatabase, type RunResult } from './run.ts';

const FILE = fileURLToPath(new URL('../../docs/comparison.md', import.meta.url));
const BEGIN = '<!-- faults: npm run peers -- --write -->';
const END = '<!-- end of faults -->';
const HELP = `usage: npm run peers -- [options]

Records events at 2,000 a second in four ways at once, while connections, Postgres or the apps break, and counts lost and doubled rows.

  --rounds <n>    runs of each fault, each with its own seed; default 3
  --events <n>    events of each way in a run; default 6000
  --seed <n>      of the first round; default 1
  --only <text>   faults whose name contains the text
  --write         write the table into docs/comparison.md
  --help          show this

The last line says "ok" when Keepwatch lost nothing but what a killed process had not yet written, and doubled nothing; else the exit code is 1.
`;

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '3' },
        events: { type: 'string', default: '6000' },
        seed: { type: 'string', default: '1' },
        only: { type: 'string', default: '' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const numbers = { rounds: Number(values.rounds), events: Number(values.events), seed: Number(values.seed) };
    for (const [name, value] of Object.entries(numbers)) {
      if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name}: allowed: a whole number from 1`);
    }
    if (values.write && values.only !== '') throw new Error('--write: not with --only');
    return { ...values, ...numbers };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

function write(table: string): void {
  const text = readFileSync(FILE, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/comparison.md: "${BEGIN}" and "${END}" have to stand in it, in this order`);
  writeFileSync(FILE, `${text.slice(0, begin)}${BEGIN}\n\n${table}\n${text.slice(end)}`);
}

const options = readOptions();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const binary = findTool('postgres');
if (binary === undefined) {
  process.stderr.write('Postgres is missing: apt-get install postgresql-15\n');
  process.exit(3);
}
const faults = FAULT_NAMES.filter((name) => name.includes(options.only));
const folder = mkdtempSync(join(tmpdir(), 'keepwatch-peers-'));
const server = await createPostgresServer(binary);
const results: RunResult[] = [];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.remove().finally(() => process.exit(130)));
}
try {
  await prepareDatabase(server);
  let run = 0;
  for (const fault of faults) {
    for (let round = 0; round < options.rounds; round++) {
      const { events } = options;
      const seed = options.seed + round;
      const done = await playRun({ server, folder, contenders: CONTENDER_NAMES, fault, events, run: ++run, seed });
      results.push(...done);
      const parts = done.map(({ contender, lost, doubled }) => `${contender} ${lost} lost ${doubled} doubled`);
      process.stdout.write(`${fault}, seed ${seed}: ${parts.join(', ')}\n`);
    }
  }
} finally {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
}
const table = formatResults(results, faults, CONTENDER_NAMES);
process.stdout.write(`\n${table}\n`);
if (options.write) write(`Node ${process.versions.node}, ${options.rounds} rounds, seed ${options.seed}.\n\n${table}`);
const own = results.filter(({ contender }) => contender === 'keepwatch');
const isOk = own.every(({ fault, lost, doubled }) => doubled === 0 && (lost === 0 || fault === 'app killed (-9)'));
process.stdout.write(isOk ? 'ok\n' : 'FAILED: Keepwatch lost or doubled events\n');
process.exitCode = isOk ? 0 : 1;
