// Alertmanager's side of the scripts: all of them at once in one real Alertmanager, each in a tree of its own below the root, told apart by
// the label `script`.
import { setTimeout as wait } from 'node:timers/promises';
import { type Alertmanager, startAlertmanager } from './alertmanager.ts';
import { type DeliveryScript, type Labels, SCRIPT_SECONDS, TIME_INTERVALS } from './delivery-scripts.ts';
import { type Heard, textOf } from './virtual-delivery.ts';
import { startTestWebhookReceiver } from './webhook-receiver.ts';

type Tree = { readonly receiver?: string; readonly routes?: readonly Tree[] } & Readonly<Record<string, unknown>>;

/** Plays them in real time. @returns what each script's receivers heard */
export async function playReally(binary: string, scripts: readonly DeliveryScript[]): Promise<Map<string, Heard>> {
  const hook = await startTestWebhookReceiver();
  let server: Alertmanager | undefined;
  try {
    server = await startAlertmanager(binary, hook.url, configOf(scripts, hook.url));
    const { address } = server;
    const startedAt = performance.now();
    await Promise.all(scripts.map((script) => play(script, address, startedAt)));
    await until(SCRIPT_SECONDS, startedAt);
  } finally {
    await server?.stop();
    await hook.close();
  }
  const heard = new Map(scripts.map(({ name }): [string, Heard] => [name, {}]));
  for (const { body } of hook.received) {
    const [name = '', receiver = ''] = body.receiver.split('/');
    const of = (status: string) =>
      body.alerts
        .filter((alert) => alert.status === status)
        .map(({ labels }) => textOf(labels))
        .sort();
    const messages = heard.get(name) ?? {};
    const key = `${receiver} ${textOf(body['groupLabels'] as Labels)}`;
    messages[key] = [...(messages[key] ?? []), { firing: of('firing'), resolved: of('resolved') }];
  }
  return heard;
}

function configOf(scripts: readonly DeliveryScript[], url: string): object {
  const receivers = scripts.flatMap(({ name, route, withoutResolved = [] }) =>
    [...new Set(receiversOf(route))].map((receiver) => ({
      name: `${name}/${receiver}`,
      webhook_configs: [{ url, send_resolved: !withoutResolved.includes(receiver) }],
    })),
  );
  return {
    route: {
      receiver: 'nobody',
      routes: scripts.map(({ name, route }) => ({ ...renamed(route, name), matchers: [`script="${name}"`] })),
    },
    receivers: [{ name: 'nobody' }, ...receivers],
    inhibit_rules: scripts.flatMap(({ name, inhibit = [] }) =>
      inhibit.map(({ source, target, equal }) => ({
        source_matchers: [...source, `script="${name}"`],
        target_matchers: [...target, `script="${name}"`],
        equal: [...equal, 'script'],
      })),
    ),
    time_intervals: TIME_INTERVALS,
  };
}

function receiversOf({ receiver, routes = [] }: Tree): string[] {
  return [...(receiver === undefined ? [] : [receiver]), ...routes.flatMap(receiversOf)];
}

function renamed({ receiver, routes = [], ...rest }: Tree, name: string): object {
  return {
    ...rest,
    ...(receiver === undefined ? {} : { receiver: `${name}/${receiver}` }),
    routes: routes.map((route) => renamed(route, name)),
  };
}

async function play({ name, steps }: DeliveryScript, address: string, startedAt: number): Promise<void> {
  for (const { at, fire = [], resolve = [], silence } of steps) {
    await until(at, startedAt);
    const now = Date.now();
    if (silence !== undefined) {
      await post(address, 'silences', {
        matchers: [...silence.matchers, `script="${name}"`].map(toSilenceMatcher),
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + silence.seconds * 1000).toISOString(),
        createdBy: 'test',
        comment: name,
      });
    }
    const alerts = [
      ...resolve.map((labels) => ({ labels: { ...labels, script: name }, endsAt: new Date(now).toISOString() })),
      ...fire.map((labels) => ({
        labels: { ...labels, script: name },
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + 3_600_000).toISOString(),
      })),
    ];
    if (alerts.length > 0) await post(address, 'alerts', alerts);
  }
}

function toSilenceMatcher(text: string) {
  const [, name = '', operator = '', value = ''] = /^(\w+)(=~|!~|!=|=)"(.*)"$/.exec(text) ?? [];
  return { name, value, isRegex: operator.endsWith('~'), isEqual: !operator.startsWith('!') };
}

/** Scripts are written in seconds of the same real clock that Alertmanager has; there is nothing to wait for but that. */
async function until(seconds: number, startedAt: number): Promise<void> {
  await wait(Math.max(0, startedAt + seconds * 1000 - performance.now()));
}

async function post(address: string, what: string, body: object): Promise<void> {
  const response = await fetch(`http://${address}/api/v2/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`Alertmanager answered ${response.status}: ${await response.text()}`);
}
