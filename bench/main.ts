// `npm run bench`: measures what was asked for, prints it, and ends every process that it started, however it ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAlerts } from './alerts/run.ts';
import { runArchive } from './archive/run.ts';
import { buildContenders } from './build.ts';
import { Children } from './children.ts';
import type { BenchContext, Effort } from './context.ts';
import { describeEnvironment, watchBusyShare } from './environment.ts';
import { runHistory } from './history/run.ts';
import { runHttp } from './http/run.ts';
import { MissingPartError } from './missing-part.ts';
import { type Options, parseOptions, type SectionName } from './options.ts';
import { runPanels } from './panels/run.ts';
import { formatNote, formatText, type SectionResult } from './report.ts';
import { formatResults } from './results-file.ts';
import { runRollups } from './rollups/run.ts';
import { runScrape } from './scrape/run.ts';
import { runSpool } from './spool/run.ts';
import { runTrack } from './track/run.ts';

const RUNNERS = {
  http: runHttp,
  track: runTrack,
  scrape: runScrape,
  spool: runSpool,
  archive: runArchive,
  rollups: runRollups,
  history: runHistory,
  alerts: runAlerts,
  panels: runPanels,
} satisfies Record<SectionName, (context: BenchContext) => Promise<SectionResult>>;
const DEFAULT_EFFORT = {
  http: { generations: 3, rounds: 10 },
  track: { generations: 3, rounds: 20 },
  scrape: { generations: 3, rounds: 15 },
  spool: { generations: 3, rounds: 12 },
  archive: { generations: 1, rounds: 6 },
  rollups: { generations: 2, rounds: 15 },
  history: { generations: 1, rounds: 9 },
  alerts: { generations: 1, rounds: 5 },
  panels: { generations: 1, rounds: 7 },
} satisfies Record<SectionName, { generations: number; rounds: number }>;

const releases: (() => Promise<void> | void)[] = [];

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const options = parseOptions(args);
  const results: SectionResult[] = [];
  let missing: string | undefined;
  const { folder: code, remove } = buildContenders();
  releases.push(remove);
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-bench-'));
  releases.push(() => rmSync(folder, { recursive: true, force: true }));
  const children = new Children(code, folder);
  releases.push(() => children.stopAll());
  for (const name of options.sections) {
    const busyShare = watchBusyShare();
    try {
      const effort = effortOf(name, options);
      const result = await RUNNERS[name]({ effort, children, folder, progress, onEnd: (release) => releases.push(release) });
      progress('');
      const withBusy = { ...result, notes: [...result.notes, describeRun(effort, busyShare())] };
      results.push(withBusy);
      if (!options.isJson) print(withBusy);
    } catch (error) {
      if (!(error instanceof MissingPartError)) throw error;
      missing = error.message;
      progress('');
      process.stderr.write(`${name}: not measured. ${error.message}\n`);
    }
  }
  const environment = describeEnvironment();
  if (options.isJson) process.stdout.write(`${JSON.stringify({ environment, results }, undefined, 2)}\n`);
  if (options.isWritten) {
    const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    writeFileSync(new URL('RESULTS.md', import.meta.url), formatResults(command, environment, results));
  }
  if (results.some((result) => result.problems.length > 0)) return 1;
  return missing === undefined ? 0 : 3;
}

function effortOf(name: SectionName, options: Options): Effort {
  const standard = DEFAULT_EFFORT[name];
  return {
    generations: options.generations ?? standard.generations,
    rounds: options.rounds ?? standard.rounds,
    isQuick: options.isQuick,
  };
}

function describeRun({ generations, rounds }: Effort, busyShare: number): string {
  const size = `${generations} ${generations === 1 ? 'set' : 'sets'} of fresh processes, ${rounds} ${rounds === 1 ? 'round' : 'rounds'} each.`;
  return `${size} The whole machine was busy to ${Math.round(busyShare * 100)}% of its cores, this benchmark included.`;
}

function print(result: SectionResult): void {
  process.stdout.write(`\n${result.tables.map(formatText).join('\n\n')}\n\n${result.notes.map(formatNote).join('\n')}\n`);
  for (const problem of result.problems) process.stdout.write(`\n  WRONG: ${problem}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

let ending = false;

/** Releases everything, the last thing first, and ends the process; only the first call counts. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  for (const release of releases.reverse()) {
    try {
      await release();
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
    }
  }
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void end(130));
}
main().then(end, (error: unknown) => {
  if (!ending) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return end(1);
});
