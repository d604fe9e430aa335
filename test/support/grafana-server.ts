// A double of Grafana's HTTP API, as far as it is documented: /api/health, /api/ds/query with its shapes of questions and answers, and the values of labels
// by way of a data source. It refuses what Grafana would refuse, so that a question that it takes is a whole one.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SentQuery {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly intervalMs: number;
  readonly maxDataPoints: number;
  readonly expr?: string;
  readonly rawSql?: string;
  readonly format?: string;
  readonly rawQuery?: boolean;
}

/** What a data source says to a query: columns of values by name, or an error. */
export type Reply = Readonly<Record<string, readonly unknown[]>> | { readonly error: string };

export interface GrafanaServerOptions {
  readonly reply?: (query: SentQuery) => Reply;
  /** What a label of Prometheus has. */
  readonly labelValues?: (label: string, selector: string) => readonly string[];
  /** Asked for as a bearer token; without it anonymous viewers may look. */
  readonly token?: string;
  readonly uids?: readonly string[];
}

export interface GrafanaServer {
  readonly url: string;
  readonly queries: readonly SentQuery[];
  /** Labels whose values were asked for, with the selectors of their series. */
  readonly labels: readonly string[];
  close(): Promise<void>;
}

const VERSION = '12.4.2';
const TYPES = { prometheus: 'expr', 'grafana-postgresql-datasource': 'rawSql' } as const;
/** What Grafana's servers know by themselves; any other word behind `$` should have been filled in by the page. */
const MACROS = /\$__(interval_ms|interval|rate_interval|range|timeFilter|timeFrom|timeTo|timeGroup|timeGroupAlias)\b/g;

/** Starts on a free port of this machine. */
export async function startGrafanaServer(options: GrafanaServerOptions = {}): Promise<GrafanaServer> {
  const queries: SentQuery[] = [];
  const labels: string[] = [];
  const server = createServer((request, response) => void answer(request, response, options, { queries, labels }));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    queries,
    labels,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  {
    reply = () => ({ time: [1], value: [1] }),
    labelValues = () => ['a', 'b.c'],
    token,
    uids = ['keepwatch-prometheus', 'keepwatch-postgres'],
  }: GrafanaServerOptions,
  { queries, labels }: { readonly queries: SentQuery[]; readonly labels: string[] },
): Promise<void> {
  const say = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.url === '/api/health') return void say(200, { database: 'ok', version: VERSION, commit: 'double' });
  if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
    return void say(401, { message: 'Unauthorized' });
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://double');
  const [, uid = '', label = ''] =
    /^\/api\/datasources\/uid\/([\w-]+)\/resources\/api\/v1\/label\/(\w+)\/values$/.exec(pathname) ?? [];
  if (label !== '') {
    const selector = searchParams.get('match[]') ?? '';
    if (!uids.includes(uid)) return void say(404, { message: 'Data source not found' });
    const isWhole = ['start', 'end'].every((moment) => Number(searchParams.get(moment)) > 1e9) && !selector.includes('$');
    if (!isWhole) return void say(400, { status: 'error', error: `a query that is not whole: ${selector}` });
    labels.push(`${label} of ${selector}`);
    return void say(200, { status: 'success', data: labelValues(label, selector) });
  }
  if (request.url !== '/api/ds/query' || request.method !== 'POST') return void say(404, { message: 'Not found' });
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const body = JSON.parse(text) as { queries?: SentQuery[]; from?: unknown; to?: unknown };
  const problem = wrongIn(body);
  if (problem !== undefined) return void say(400, { message: `bad request data: ${problem}` });
  const asked = body.queries ?? [];
  queries.push(...asked);
  if (asked.some(({ datasource }) => !uids.includes(datasource.uid))) return void say(404, { message: 'Data source not found' });
  const results = Object.fromEntries(asked.map((query) => [query.refId, resultOf(reply(query), query)]));
  say(Object.values(results).some(({ status }) => status !== 200) ? 400 : 200, { results });
}

function wrongIn({ queries, from, to }: { queries?: readonly SentQuery[]; from?: unknown; to?: unknown }): string | undefined {
  if (![from, to].every((moment) => typeof moment === 'string' && /^\d{13}$/.test(moment)))
    return 'from and to are no milliseconds';
  if (Number(from) >= Number(to)) return 'from is not before to';
  if (queries === undefined || queries.length === 0) return 'no queries found';
  return queries.map(wrongInQuery).find((problem) => problem !== undefined);
}

function wrongInQuery({
  refId,
  datasource,
  intervalMs,
  maxDataPoints,
  format,
  rawQuery,
  ...query
}: SentQuery): string | undefined {
  if (!/^[A-Z]$/.test(refId)) return 'a query without refId';
  const key = TYPES[datasource?.type as keyof typeof TYPES];
  if (key === undefined) return `data source of type ${datasource?.type}`;
  if (!(intervalMs > 0 && maxDataPoints > 0)) return 'no intervalMs or maxDataPoints';
  if (key === 'rawSql' && !(rawQuery === true && (format === 'table' || format === 'time_series'))) return 'no format';
  const text = query[key] ?? '';
  if (text === '' || text.replace(MACROS, '').includes('$')) return `a query that is not whole: ${text}`;
  return undefined;
}

/** A frame in the shape of Grafana's data plane. */
function resultOf(reply: Reply, { refId }: SentQuery) {
  if (typeof reply['error'] === 'string') return { status: 400, error: reply['error'], errorSource: 'downstream', frames: [] };
  const columns = Object.entries(reply) as [string, readonly unknown[]][];
  const fields = columns.map(([name]) => ({ name, type: name === 'time' ? 'time' : 'number' }));
  const frames =
    columns.length === 0 ? [] : [{ schema: { refId, fields }, data: { values: columns.map(([, values]) => values) } }];
  return { status: 200, frames };
}
