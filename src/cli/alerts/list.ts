// keepwatch alerts list: what is pending, firing or recovering now.
import type { Command } from 'commander';
import { type AlertEntry, readAlerts } from '../../alerts/responses.ts';
import { loadConfig } from '../../config.ts';
import { withStorage } from '../storage.ts';
import { type Column, formatTable } from '../table.ts';
import { formatLabels } from './history.ts';

export function addAlertsList(alerts: Command): void {
  alerts
    .command('list')
    .description('show the alerts that are pending, firing or recovering now')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts list\n  keepwatch alerts list --json | jq \'.[] | select(.state == "firing")\'',
    )
    .action(run);
}

async function run({ json }: { readonly json?: boolean }): Promise<void> {
  const { alerts, keepwatch_truncated: isTruncated } = await withStorage(loadConfig(), ({ database }) => readAlerts(database));
  if (json === true) process.stdout.write(`${JSON.stringify(alerts)}\n`);
  else process.stdout.write(alerts.length === 0 ? 'no alert is pending or firing\n' : `${formatTable(COLUMNS, alerts)}\n`);
  if (isTruncated === true) process.stderr.write(`there are more than these ${alerts.length} alerts\n`);
}

const COLUMNS: Column<AlertEntry>[] = [
  { title: 'ALERT', cell: (row) => row.labels['alertname'] ?? '' },
  { title: 'STATE', cell: (row) => row.keepwatch_state },
  { title: 'SINCE', cell: (row) => row.activeAt },
  { title: 'VALUE', align: 'right', cell: (row) => row.value },
  { title: 'INCIDENT', cell: (row) => row.keepwatch_incident_id.slice(0, 8) },
  { title: 'WORKED ON BY', cell: (row) => row.keepwatch_acknowledgement?.by ?? '-' },
  { title: 'LABELS', cell: (row) => formatLabels(row.labels) },
  { title: 'SUMMARY', cell: (row) => row.annotations['summary'] ?? '' },
];
