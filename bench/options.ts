// The command line of the benchmark.
import { Argument, Command, InvalidArgumentError } from 'commander';

const SECTIONS = ['http', 'track', 'scrape', 'spool', 'archive', 'rollups', 'history', 'alerts', 'panels'] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface Options {
  readonly sections: readonly SectionName[];
  /** Undefined: each section's own default. */
  readonly rounds: number | undefined;
  readonly generations: number | undefined;
  readonly isQuick: boolean;
  readonly isJson: boolean;
  readonly isWritten: boolean;
}

const EXAMPLES = `
Examples:
  $ npm run bench                               everything, about half an hour
  $ npm run bench -- http --rounds 20           requests only, more rounds for a narrower interval
  $ npm run bench -- scrape                     being scraped: CPU time, and how long the event loop is held
  $ npm run bench -- spool                      CPU time from the ring to the disk, and the longest block meanwhile
  $ npm run bench -- archive                    rows per second; needs the programs of PostgreSQL (postgresql-15)
  $ npm run bench -- rollups                    what rollups add to a batch, in pairs; needs the same
  $ npm run bench -- history                    questions to 30 days of rollups; the same needs, and 6 GB of disk
  $ npm run bench -- alerts                     slots of 1,000 rules and of 100,000 series, by the clock: a quarter of an hour
  $ npm run bench -- panels                     SQL of all dashboards over 10,000,000 events; the same needs as history
  $ npm run bench -- track http --quick         does it run? the figures mean nothing
  $ npm run bench -- http --json > http.json    for other programs
  $ npm run bench -- --write                    everything, and bench/RESULTS.md is written anew

Exit codes: 0 measured, 1 a contender did not count what was sent, 2 wrong usage, 3 something it needs is missing, 130 interrupted.`;

/** Parses the arguments after the script's name; wrong usage and --help end the process. */
export function parseOptions(args: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description('Compares Keepwatch with its peers, side by side, interleaved in one run.')
    .addArgument(new Argument('[sections...]', 'what to measure; default: all').choices(SECTIONS))
    .option('--rounds <n>', 'rounds per generation of processes', parseCount)
    .option('--generations <n>', 'how often all processes are started afresh', parseCount)
    .option('--quick', 'one round of tiny slices, to see that all of it runs')
    .option('--json', 'results as JSON on stdout')
    .option('--write', 'write bench/RESULTS.md')
    .addHelpText('after', EXAMPLES)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(args, { from: 'user' });
  const given = command.opts<{ rounds?: number; generations?: number; quick?: true; json?: true; write?: true }>();
  const sections = SECTIONS.filter((name) => command.args.length === 0 || command.args.includes(name));
  return {
    sections,
    rounds: given.rounds ?? (given.quick ? 1 : undefined),
    generations: given.generations ?? (given.quick ? 1 : undefined),
    isQuick: given.quick ?? false,
    isJson: given.json ?? false,
    isWritten: given.write ?? false,
  };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw new InvalidArgumentError('allowed: a whole number from 1 to 1000');
  return count;
}
