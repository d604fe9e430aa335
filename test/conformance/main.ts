// `npm run conformance`: plays the cases, prints what failed, and counts. Peers are scored; only Keepwatch has to be right.
import { parseArgs } from 'node:util';
import { EXPRESS_VERSIONS, type ExpressVersion } from './conformance-case.ts';
import { MEASURER_NAMES, type MeasurerName } from './measurer.ts';
import { formatFailure, formatProgress, formatScores } from './report.ts';
import { writeScores } from './scores-file.ts';
import { type RunResult, runSuite } from './suite.ts';

const HELP = `usage: npm run conformance -- [options]

Plays HTTP cases over TCP on Express 4, 5.2 and 5.3, and compares what is recorded with what happened.

  --peers              also score express-prom-bundle, swagger-stats and OpenTelemetry on the same cases
  --only <text>        a family, or cases whose "family: name" contains the text
  --express <version>  4, 5.2 or 5.3; default: all
  --write              with --peers: write the scores into docs/comparison.md
  --verbose            also show what peers got wrong
  --json               print results as JSON, one line per run
  --help               show this

examples:
  npm run conformance
  npm run conformance -- --only aborts --express 5.3
  npm run conformance -- --peers --write

The last line says "N passed, 0 failed"; the exit code is 1 when a case of Keepwatch failed, 2 for a wrong option.
`;

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        peers: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        express: { type: 'string' },
        write: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.express !== undefined && !EXPRESS_VERSIONS.some((version) => version === values.express)) {
      throw new Error(`--express: got ${values.express}; allowed: ${EXPRESS_VERSIONS.join(', ')}`);
    }
    const isPartial = values.only !== '' || values.express !== undefined || !values.peers;
    if (values.write && isPartial) throw new Error('--write: wants --peers, without --only and --express');
    return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printPeople(runs: readonly RunResult[], isVerbose: boolean): void {
  for (const run of runs) {
    print(formatProgress(run));
    if (run.failure !== undefined) print(`  ${run.failure}`);
    if (run.measurer !== 'keepwatch' && !isVerbose) continue;
    for (const result of run.results) if (!result.isPassed) print(formatFailure(result));
  }
  if (runs.some(({ measurer }) => measurer !== 'keepwatch')) print(`\n${formatScores(runs)}`);
}

const options = readOptions();
if (options.help) {
  process.stdout.write(HELP);
} else {
  const measurers: readonly MeasurerName[] = options.peers ? MEASURER_NAMES : ['keepwatch'];
  const versions = options.express === undefined ? EXPRESS_VERSIONS : [options.express as ExpressVersion];
  const runs = await runSuite({ measurers, versions, only: options.only });
  if (options.json) for (const run of runs) print(JSON.stringify(run));
  else printPeople(runs, options.verbose);
  if (options.write) writeScores(runs);
  const own = runs.filter(({ measurer }) => measurer === 'keepwatch');
  const results = own.flatMap((run) => run.results);
  const failed = results.filter(({ isPassed }) => !isPassed).length + own.filter(({ failure }) => failure !== undefined).length;
  if (!options.json) print(`${results.filter(({ isPassed }) => isPassed).length} passed, ${failed} failed`);
  process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
}
