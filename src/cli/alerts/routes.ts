// keepwatch alerts routes: the tree of routes, and who hears of an alert with given labels. Reads the configuration, and no database.
import type { Command } from 'commander';
import { createDestinations, type Destination } from '../../alerts/delivery/destination.ts';
import { createReceivers } from '../../alerts/receivers/receivers.ts';
import { loadConfig } from '../../config.ts';
import { KeepwatchError } from '../../errors.ts';
import { silentLogger } from '../../logger.ts';
import { formatMatchers } from '../../routing/matcher.ts';
import type { Route } from '../../routing/route.ts';
import type { Routing } from '../../routing/routing.ts';
import { toRouting } from '../../routing/routing-config.ts';
import { formatDuration } from '../../units.ts';
import { EXIT } from '../exit.ts';
import { type Column, formatTable } from '../table.ts';
import { formatLabels } from './history.ts';

interface Flags {
  readonly json?: boolean;
}

interface TestFlags extends Flags {
  readonly receivers?: readonly string[];
}

export function addAlertsRoutes(alerts: Command): void {
  const routes = alerts
    .command('routes')
    .description('show the routes of the configuration: who hears of which alerts, grouped how')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch alerts routes\n  keepwatch alerts routes test severity=critical team=db')
    .action((flags: Flags) => show(flags));
  routes
    .command('test')
    .description(
      'show who hears of an alert with these labels, and when; exit code 1 when that is nobody, or not who is expected',
    )
    .argument('<labels...>', 'labels of the alert: severity=critical team=db')
    .option('--receivers <names>', 'who has to hear of it, comma-separated', (text: string) => text.split(','))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts routes test alertname=HighErrorRate severity=critical\n  keepwatch alerts routes test team=db --receivers chat,pager',
    )
    .action((labels: readonly string[], _flags: TestFlags, command: Command) => test(labels, command.optsWithGlobals()));
}

function show({ json }: Flags): void {
  const { routing, receivers } = read();
  const { route } = routing;
  if (json === true) process.stdout.write(`${JSON.stringify(route === undefined ? null : toJson(route))}\n`);
  else if (route !== undefined) process.stdout.write(`${describe(route, '').join('\n')}\n`);
  else
    process.stdout.write(
      receivers.length === 0
        ? 'no routes, and no receivers: nobody hears of alerts\n'
        : `no routes: ${receivers[0]?.name} hears of rules without notify, each alert alone and at once\n`,
    );
}

function test(texts: readonly string[], { json, receivers: expected }: TestFlags): void {
  const { routing, receivers } = read();
  const labels = Object.fromEntries(texts.map(parseLabel));
  const alert = { rule_uid: 'test', fingerprint: '00'.repeat(32), labels };
  const found = createDestinations({ ...routing, receivers })([{ notify: undefined }], alert);
  if (json === true)
    process.stdout.write(
      `${JSON.stringify(found.map(({ receiver, route, labels, settings }) => ({ receiver, route, labels, settings })))}\n`,
    );
  else process.stdout.write(found.length === 0 ? 'nobody hears of it\n' : `${formatTable(DESTINATIONS, found)}\n`);
  const names = [...new Set(found.map(({ receiver }) => receiver))];
  const isExpected = expected === undefined || [...expected].sort().join() === [...names].sort().join();
  if (expected !== undefined && !isExpected)
    process.stderr.write(`expected ${expected.join(', ')}; who hears of it: ${names.join(', ') || 'nobody'}\n`);
  if (found.length === 0 || !isExpected) process.exitCode = EXIT.checkFailed;
}

function read() {
  const config = loadConfig();
  const receivers = createReceivers(config.receivers, { logger: silentLogger }).list();
  return { routing: toRouting(config) satisfies Routing, receivers };
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new KeepwatchError('ERR_USAGE', `routes test: got "${text}"; allowed: labels such as severity=critical`);
  return [text.slice(0, at), text.slice(at + 1).replace(/^"(.*)"$/, '$1')];
}

function describe(route: Route, indent: string): string[] {
  const by =
    route.groupBy === 'all' ? 'each alert alone' : route.groupBy.length === 0 ? 'all together' : `by ${route.groupBy.join(', ')}`;
  const line = [
    `${indent}${route.matchers.length === 0 ? 'all' : formatMatchers(route.matchers)} -> ${route.receiver}`,
    `${by}; ${timesOf(route)}`,
    ...(route.escalation === undefined ? [] : [`escalation ${route.escalation}`]),
    ...(route.muteTimeIntervals.length === 0 ? [] : [`not in ${route.muteTimeIntervals.join(', ')}`]),
    ...(route.activeTimeIntervals.length === 0 ? [] : [`only in ${route.activeTimeIntervals.join(', ')}`]),
    ...(route.continue ? ['and on'] : []),
  ];
  return [line.join('; '), ...route.routes.flatMap((child) => describe(child, `${indent}  `))];
}

function timesOf({ groupWaitMs, groupIntervalMs, repeatIntervalMs }: Route): string {
  const [wait, interval, repeat] = [groupWaitMs, groupIntervalMs, repeatIntervalMs].map(formatDuration);
  return `after ${wait}, every ${interval}, again after ${repeat}`;
}

function toJson({ matchers, routes, receiver, groupBy, escalation, ...route }: Route): object {
  const { groupWaitMs, groupIntervalMs, repeatIntervalMs, muteTimeIntervals, activeTimeIntervals } = route;
  return {
    ...{ matchers: formatMatchers(matchers), receiver, groupBy, groupWaitMs, groupIntervalMs, repeatIntervalMs, escalation },
    ...{ continue: route.continue, muteTimeIntervals, activeTimeIntervals, routes: routes.map(toJson) },
  };
}

const DESTINATIONS: Column<Destination>[] = [
  { title: 'RECEIVER', cell: (row) => row.receiver },
  { title: 'ROUTE', cell: (row) => row.route || '{}' },
  { title: 'GROUP', cell: (row) => formatLabels(row.labels) || 'all of the route' },
  { title: 'AFTER', cell: ({ settings }) => (settings.groupWaitMs === 0 ? 'at once' : formatDuration(settings.groupWaitMs)) },
  {
    title: 'AGAIN',
    cell: ({ settings }) => (settings.repeatIntervalMs === null ? 'never' : `after ${formatDuration(settings.repeatIntervalMs)}`),
  },
];
