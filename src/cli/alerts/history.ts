// keepwatch alerts history: every change of state, the newest first.
import { type Command, Option } from 'commander';
import { readTransitions, type TransitionEntry } from '../../alerts/history.ts';
import { loadConfig } from '../../config.ts';
import { addDays, describeRange, type RangeFlags, rangeOf } from '../filters.ts';
import { integerBetween } from '../parse.ts';
import { withStorage } from '../storage.ts';
import { type Column, formatTable } from '../table.ts';

const DEFAULT_DAYS = 7;

interface Flags extends RangeFlags {
  readonly rule?: string;
  readonly state?: string;
  readonly incident?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function addAlertsHistory(alerts: Command): void {
  addDays(alerts.command('history').description('show what became of alerts, the newest change first'), DEFAULT_DAYS)
    .option('--rule <rule>', 'only this rule: its name or its uid')
    .addOption(
      new Option('--state <state>', 'only changes to this state').choices(['ok', 'pending', 'firing', 'recovering', 'nodata']),
    )
    .option('--incident <id>', 'only this incident')
    .option('--limit <n>', 'how many', integerBetween(1, 1000), 50)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts history --days 1 --state firing\n  keepwatch alerts history --rule HighErrorRate --json',
    )
    .action(run);
}

async function run({ rule, state, incident, limit, json, ...flags }: Flags): Promise<void> {
  const range = rangeOf(flags, DEFAULT_DAYS);
  const { transitions } = await withStorage(loadConfig(), ({ database }) =>
    readTransitions(database, { ...range, rule, state, incident, limit }),
  );
  if (json === true) process.stdout.write(`${JSON.stringify(transitions)}\n`);
  else if (transitions.length > 0) process.stdout.write(`${formatTable(COLUMNS, transitions)}\n`);
  else process.stdout.write(`no alert changed its state ${describeRange(range)}\n`);
}

const COLUMNS: Column<TransitionEntry>[] = [
  { title: 'TIME', cell: (row) => row.time },
  { title: 'RULE', cell: (row) => row.rule },
  { title: 'FROM', cell: (row) => row.from_state },
  { title: 'TO', cell: (row) => row.to_state },
  { title: 'WHY', cell: (row) => (row.suppressed === null ? row.reason : `${row.reason} (nobody told: ${row.suppressed})`) },
  { title: 'VALUE', align: 'right', cell: (row) => row.value ?? '-' },
  { title: 'LABELS', cell: (row) => formatLabels(row.labels) },
];

/** `service=shop name="POST /chat"`, without the name of the alert. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'alertname')
    .map(([name, value]) => `${name}=${/^[\w./:-]+$/.test(value) ? value : JSON.stringify(value)}`)
    .join(' ');
}
