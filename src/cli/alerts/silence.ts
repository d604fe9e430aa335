// keepwatch alerts silence: nobody is told of what matches, for a while; made, listed, shown and ended, on the record.
import { type Command, Option } from 'commander';
import { type FiringNow, listMutedBy } from '../../alerts/delivery/muted-alerts.ts';
import { toMatcher } from '../../alerts/delivery/silence-draft.ts';
import {
  createSilences,
  SILENCE_STATES,
  type Silence,
  type SilenceChange,
  type SilenceState,
} from '../../alerts/delivery/silences.ts';
import { loadConfig } from '../../config.ts';
import type { Database } from '../../db/database.ts';
import { KeepwatchError } from '../../errors.ts';
import { formatMatchers } from '../../routing/matcher.ts';
import { formatDuration } from '../../units.ts';
import { actorName } from '../actor.ts';
import { durationOf, integerBetween, timeAfter } from '../parse.ts';
import { withStorage } from '../storage.ts';
import { type Column, formatTable, plural } from '../table.ts';
import { formatLabels } from './history.ts';

interface Json {
  readonly json?: boolean;
}

export function addAlertsSilence(alerts: Command): void {
  const silence = alerts.command('silence').description('tell nobody of what matches, for a while');
  addAdd(silence);
  addList(silence);
  addShow(silence);
  addExpire(silence);
}

interface AddFlags extends Json {
  readonly for?: number;
  readonly from?: Date;
  readonly until?: Date;
  readonly by?: string;
  readonly comment: string;
}

function addAdd(silence: Command): void {
  silence
    .command('add')
    .description('make a silence, and show which of the alerts that fire now it mutes')
    .argument(
      '<matchers...>',
      `what labels have to be, all of it: 'service="shop"', 'env=~"prod.*"', 'team!=db', 'job!~"test.*"'`,
    )
    .requiredOption('--comment <text>', 'why')
    .option('--for <duration>', 'how long it holds: 30m, 2h, 7d', durationOf(1000))
    .option('--until <time>', 'or until when: 2026-11-20T18:00Z', timeAfter(Date.now()))
    .option('--from <time>', 'from when: 2026-11-20T12:00Z, or 2h (from now on); default now', timeAfter(Date.now()))
    .option('--by <name>', 'who makes it; default: the user of this machine')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
At least one matcher has to be untrue of a label that is not there: 'team!=db' alone would mute all that has no team.

Examples:
  keepwatch alerts silence add 'service="shop"' --for 2h --comment "deploy" --by ana
  keepwatch alerts silence add alertname=HighErrorRate 'env=~"stage|test"' --from 30m --for 1h --comment "load test"`,
    )
    .action(add);
}

async function add(
  matchers: readonly string[],
  { json, for: forMs, from, until, by = actorName(), comment }: AddFlags,
): Promise<void> {
  if ((forMs === undefined) === (until === undefined))
    throw new KeepwatchError(
      'ERR_USAGE',
      `--for: got ${forMs === undefined ? 'nothing' : 'it and --until'}; allowed: --for with how long (2h), or --until with a time`,
    );
  const end = until === undefined ? { duration: formatDuration(forMs ?? 0) } : { endsAt: until.toISOString() };
  const given = { matchers, ...(from === undefined ? {} : { startsAt: from.toISOString() }), ...end, createdBy: by, comment };
  await withSilences(async (database, silences) => {
    const silence = await silences.create(given, actorName());
    const mutes = await mutedBy(database, silence);
    if (json === true) return printJson({ ...silence, mutes });
    const begin = silence.status.state === 'pending' ? ` from ${silence.startsAt}` : '';
    print(`${silence.id} holds${begin} until ${silence.endsAt}`, describeMuted(mutes));
  });
}

function addList(silence: Command): void {
  silence
    .command('list')
    .description('show the silences that are not over, or those in a state')
    .addOption(new Option('--state <state>', 'only those in this state').choices(SILENCE_STATES))
    .option('--by <name>', 'only those that this person made')
    .option('--filter <matchers>', `only those that ask for this: 'service="shop"'`)
    .option('--limit <n>', 'how many', integerBetween(1, 1000), 100)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  keepwatch alerts silence list
  keepwatch alerts silence list --state expired --filter 'service="shop"' --json`,
    )
    .action(list);
}

interface ListFlags extends Json {
  readonly state?: SilenceState;
  readonly by?: string;
  readonly filter?: string;
  readonly limit: number;
}

async function list({ json, state, by, filter, limit }: ListFlags): Promise<void> {
  await withSilences(async (_, store) => {
    const { silences, cursor } = await store.list({ state, createdBy: by, filter, limit });
    if (json === true) return printJson(silences);
    const more = cursor === undefined ? [] : ['… and more: --limit, or a filter'];
    if (silences.length === 0 && cursor === undefined) print('no silences');
    else print(formatTable(COLUMNS, silences), ...more);
  });
}

function addShow(silence: Command): void {
  silence
    .command('show')
    .description('show a silence, the alerts that it mutes, and who changed it')
    .argument('<id>', 'its id, or the first 8 characters of it and more')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts silence show 5f0c1a7e\n  keepwatch alerts silence show 5f0c1a7e --json',
    )
    .action(show);
}

async function show(given: string, { json }: Json): Promise<void> {
  await withSilences(async (database, silences) => {
    const silence = known(await silences.read(given), given);
    const changes = (await silences.changes(silence.id)) ?? [];
    const mutes = silence.status.state === 'expired' ? [] : await mutedBy(database, silence);
    if (json === true) return printJson({ ...silence, mutes, changes });
    print(formatTable(COLUMNS, [silence]), '', describeMuted(mutes), '', formatTable(CHANGES, changes));
  });
}

function addExpire(silence: Command): void {
  silence
    .command('expire')
    .description('end silences now')
    .argument('<ids...>', 'their ids, or the first 8 characters of each and more')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch alerts silence expire 5f0c1a7e')
    .action(expire);
}

/** All are known before the first one is ended. */
async function expire(ids: readonly string[], { json }: Json): Promise<void> {
  await withSilences(async (_, silences) => {
    const chosen: Silence[] = [];
    for (const id of ids) chosen.push(known(await silences.read(id), id));
    const ended: Silence[] = [];
    for (const { id, version } of chosen) {
      const outcome = await silences.expire(id, version, actorName());
      if (outcome.outcome !== 'done')
        throw new KeepwatchError(
          'ERR_USAGE',
          `the silence ${id} was changed by somebody else meanwhile; look at it, and try again`,
        );
      ended.push(outcome.current);
    }
    if (json === true) printJson(ended);
    else print(...ended.map(({ id, endsAt }) => `${id} is over since ${endsAt}`));
  });
}

function withSilences(work: (database: Database, silences: ReturnType<typeof createSilences>) => Promise<void>): Promise<void> {
  return withStorage(loadConfig(), ({ database }) => work(database, createSilences(database)));
}

function known(silence: Silence | undefined, given: string): Silence {
  if (silence !== undefined) return silence;
  throw new KeepwatchError(
    'ERR_USAGE',
    `no silence has the id ${given}; keepwatch alerts silence list shows all that are not over`,
  );
}

function mutedBy(database: Database, { matchers }: Silence): Promise<readonly FiringNow[]> {
  return listMutedBy(database, matchers.map(toMatcher));
}

const SHOWN = 50;

function describeMuted(alerts: readonly FiringNow[]): string {
  if (alerts.length === 0) return 'no alert that fires now matches it';
  const more = alerts.length > SHOWN ? `\n… and ${alerts.length - SHOWN} more` : '';
  return `${plural(alerts.length, 'alert that fires', 'alerts that fire')} now ${alerts.length === 1 ? 'matches' : 'match'} it:\n${formatTable(MUTED, alerts.slice(0, SHOWN))}${more}`;
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

const COLUMNS: Column<Silence>[] = [
  { title: 'ID', cell: (row) => row.id.slice(0, 8) },
  { title: 'STATE', cell: (row) => row.status.state },
  { title: 'FROM', cell: (row) => row.startsAt },
  { title: 'UNTIL', cell: (row) => row.endsAt },
  { title: 'BY', cell: (row) => row.createdBy },
  { title: 'MATCHERS', cell: (row) => formatMatchers(row.matchers.map(toMatcher)) },
  { title: 'COMMENT', cell: (row) => row.comment },
];

const MUTED: Column<FiringNow>[] = [
  { title: 'ALERT', cell: (row) => row.rule },
  { title: 'STATE', cell: (row) => row.state },
  { title: 'INCIDENT', cell: (row) => row.incident_id.slice(0, 8) },
  { title: 'LABELS', cell: (row) => formatLabels(row.labels) },
];

const CHANGES: Column<SilenceChange>[] = [
  { title: 'AT', cell: (row) => row.at },
  { title: 'WHO', cell: (row) => row.actor },
  { title: 'ACTION', cell: (row) => row.action },
  { title: 'VERSION', align: 'right', cell: (row) => String(row.version) },
];
