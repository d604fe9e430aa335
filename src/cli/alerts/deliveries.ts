// keepwatch alerts deliveries: what became of messages, the newest first; and one of them, with what was sent and each attempt.
import { type Command, Option } from 'commander';
import {
  createDeliveryLog,
  DELIVERY_STATUSES,
  type DeliveryAttempt,
  type DeliveryDetail,
  type DeliveryEntry,
  type DeliveryLog,
  type DeliveryStatus,
} from '../../alerts/delivery/delivery-log.ts';
import { loadConfig } from '../../config.ts';
import { KeepwatchError } from '../../errors.ts';
import { integerBetween, timeBefore } from '../parse.ts';
import { withStorage } from '../storage.ts';
import { type Column, formatTable } from '../table.ts';
import { formatLabels } from './history.ts';

const DAY_MS = 86_400_000;

interface Flags {
  readonly receiver?: string;
  readonly status?: DeliveryStatus;
  readonly incident?: string;
  readonly since?: Date;
  readonly limit: number;
  readonly json?: boolean;
}

export function addAlertsDeliveries(alerts: Command): void {
  const deliveries = alerts
    .command('deliveries')
    .description('show what became of messages, the newest first')
    .option('--receiver <name>', 'only to this receiver')
    .addOption(
      new Option('--status <status>', 'only these: dead is given up, merged into a newer one').choices(DELIVERY_STATUSES),
    )
    .option('--incident <id>', 'only of this incident')
    .option('--since <time>', 'made at or after: 2026-11-20, 2026-11-20T12:00Z, 90m (ago); default 1d', timeBefore(Date.now()))
    .option('--limit <n>', 'how many', integerBetween(1, 1000), 50)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts deliveries --since 7d --status dead\n  keepwatch alerts deliveries --receiver on-call --json\n  keepwatch alerts deliveries show 7c9e6679',
    )
    .action(list);
  deliveries
    .command('show')
    .description('show a message: what was sent, and what became of each attempt')
    .argument('<id>', 'its id, or the first 8 characters of it and more')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts deliveries show 7c9e6679\n  keepwatch alerts deliveries show 7c9e6679 --json',
    )
    .action((id: string, _flags: object, command: Command) => show(id, command.optsWithGlobals<Flags>()));
}

async function list({ json, since, ...filters }: Flags): Promise<void> {
  const { deliveries, cursor } = await withLog((log) => log.list({ ...filters, since: since ?? new Date(Date.now() - DAY_MS) }));
  if (json === true) process.stdout.write(`${JSON.stringify(deliveries)}\n`);
  else if (deliveries.length === 0) process.stdout.write('no message was made in this time\n');
  else
    process.stdout.write(
      `${formatTable(COLUMNS, deliveries)}\n${cursor === undefined ? '' : '… and older ones: --limit, or a filter\n'}`,
    );
}

async function show(id: string, { json }: Pick<Flags, 'json'>): Promise<void> {
  const delivery = await withLog((log) => log.read(id));
  if (delivery === undefined)
    throw new KeepwatchError('ERR_USAGE', `no message has the id ${id}; keepwatch alerts deliveries shows those of the last day`);
  process.stdout.write(json === true ? `${JSON.stringify(delivery)}\n` : describe(delivery));
}

function describe(delivery: DeliveryDetail): string {
  const { attempt_log: attempts, payload } = delivery;
  const tried = attempts.length === 0 ? 'no attempt is on record' : formatTable(ATTEMPTS, attempts);
  return `${formatTable(COLUMNS, [delivery])}\n\n${tried}\n\n${JSON.stringify(payload, null, 2)}\n`;
}

function withLog<T>(work: (log: DeliveryLog) => Promise<T>): Promise<T> {
  return withStorage(loadConfig(), ({ database }) => work(createDeliveryLog(database)));
}

const COLUMNS: Column<DeliveryEntry>[] = [
  { title: 'ID', cell: (row) => row.id.slice(0, 8) },
  { title: 'MADE', cell: (row) => row.created_at },
  { title: 'RECEIVER', cell: (row) => row.receiver },
  { title: 'STATUS', cell: (row) => row.status },
  { title: 'TRIES', align: 'right', cell: (row) => String(row.attempts) },
  { title: 'OF', cell: (row) => `${row.reason} ${row.rule}${row.alerts > 1 ? ` and ${row.alerts - 1} more` : ''}` },
  { title: 'LABELS', cell: (row) => formatLabels(row.labels) },
  { title: 'ANSWER', cell: (row) => row.answer ?? row.last_error ?? '-' },
];

const ATTEMPTS: Column<DeliveryAttempt>[] = [
  { title: 'TRY', align: 'right', cell: (row) => String(row.attempt) },
  { title: 'AT', cell: (row) => row.at },
  { title: 'OUTCOME', cell: (row) => row.outcome },
  { title: 'TOOK', align: 'right', cell: (row) => `${row.duration_ms} ms` },
  { title: 'ANSWER', cell: (row) => row.answer },
];
