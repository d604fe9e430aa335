// keepwatch erase: takes what the archive says of a person out of it, after asking.
import { type Command, InvalidArgumentError } from 'commander';
import type { Criterion } from '../archive/erase/criteria.ts';
import { loadConfig } from '../config.ts';
import { confirm } from './confirm.ts';
import { type ErasedEverywhere, eraseEverywhere } from './erase-everywhere.ts';
import { EXIT } from './exit.ts';
import { untilInterrupted } from './interrupt.ts';
import { timeBefore } from './parse.ts';
import { createProgress } from './progress.ts';
import { type Column, formatTable, plural } from './table.ts';

interface Flags {
  readonly where: readonly Criterion[];
  readonly from?: Date;
  readonly to?: Date;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addErase(program: Command): void {
  const toTime = timeBefore(Date.now());
  program
    .command('erase')
    .description(
      'take what metadata and errors of events say of a person out of the archive, and out of spool and JSONL files of this machine',
    )
    .requiredOption(
      '--where <key=value>',
      'whose: metadata that says so (user_id=42, user.id=42); given again: and so',
      addCriterion,
    )
    .option('--from <time>', 'only events that ended then or later: a day, a time, or how long ago', toTime)
    .option('--to <time>', 'only events that ended before then', toTime)
    .option('--dry-run', 'only count')
    .option('--yes', 'do not ask, on a terminal either')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Events stay as counts and durations: verify and rollups hold. docs/personal-data.md says what goes and what stays.
Exit code 1: some of it is still there, and the output says where.

Examples:
  keepwatch erase --where user_id=42 --dry-run
  keepwatch erase --where user_id=42 --where tenant=acme --yes --json`,
    )
    .action(run);
}

function addCriterion(text: string, before: readonly Criterion[] = []): readonly Criterion[] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('allowed: key=value, for example user_id=42 or user.id=42.');
  return [...before, { key: text.slice(0, at), value: text.slice(at + 1) }];
}

async function run(flags: Flags): Promise<void> {
  const config = loadConfig();
  await untilInterrupted(async (signal) => {
    if (!(await isWanted(flags, signal))) {
      process.stderr.write('nothing is erased\n');
      return;
    }
    const progress = createProgress();
    try {
      const report = await eraseEverywhere(config, {
        where: flags.where,
        from: flags.from,
        until: flags.to,
        isDryRun: flags.dryRun === true,
        signal,
        onProgress: (what, done, all) =>
          progress.show(() => `looking into ${what}${all === 0 ? '' : `  ${Math.floor((100 * done) / all)} %`}`),
      });
      progress.clear();
      print(flags, report);
    } finally {
      progress.clear();
    }
  });
}

/** Asks, unless that was said with the command. */
async function isWanted({ where, dryRun, yes }: Flags, signal: AbortSignal): Promise<boolean> {
  if (dryRun === true || yes === true) return true;
  const whose = where.map(({ key, value }) => `${key}=${value}`).join(' and ');
  const what = `metadata and errors of all events, and log lines, with ${printable(whose)}`;
  return confirm(`Erase ${what}? Nothing brings them back.`, signal);
}

function print({ dryRun, json }: Flags, report: ErasedEverywhere): void {
  const { tables, deadLetters, spoolEvents, spoolFiles, jsonlEvents, jsonlFiles, waiting, left, isLabel, isStopped } = report;
  if ((left.length > 0 || waiting > 0) && dryRun !== true) process.exitCode = EXIT.checkFailed;
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ dryRun: dryRun === true, ...report })}\n`);
    return;
  }
  const places = [
    ...tables.map(({ table, rows }) => ({ place: `keepwatch.${table}`, events: rows })),
    { place: 'keepwatch.observability_dead_letter', events: deadLetters },
    { place: `the spool (${plural(spoolFiles, 'file')})`, events: spoolEvents },
    { place: `KEEPWATCH_JSONL_DIR (${plural(jsonlFiles, 'file')})`, events: jsonlEvents },
  ].filter(({ events }) => events > 0);
  const sum = places.reduce((total, { events }) => total + events, 0);
  const lines = sum === 0 ? ['no event matches'] : [formatTable(COLUMNS, places)];
  if (dryRun === true) lines.push(`would erase ${plural(sum, 'event')}; nothing is changed: --dry-run`);
  else if (sum > 0) lines.push(`erased ${plural(sum, 'event')}`);
  if (isStopped) lines.push('stopped: the rest is as it was; run it again to go on');
  if (waiting > 0)
    lines.push(`${plural(waiting, 'event')} of running processes will be archived within seconds: run it again then`);
  for (const each of left) lines.push(`left as it is: ${printable(each)}`);
  if (isLabel) lines.push('the labels of a metric say it too: rollups and Prometheus keep labels');
  process.stdout.write(`${lines.join('\n')}\n`);
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{fffd}').slice(0, 500);
}

interface Place {
  readonly place: string;
  readonly events: number;
}

const COLUMNS: Column<Place>[] = [
  { title: 'PLACE', cell: ({ place }) => place },
  { title: 'EVENTS', align: 'right', cell: ({ events }) => String(events) },
];
