// A Grafana that answers over HTTP: /api/health, /api/ds/query, which is what its own panels ask, and what its variables ask of Prometheus.
import { fillVariables, type Listed, type Question, type Variable } from './questions.ts';

/** What came back to a question. */
export interface Answer {
  /** `empty`: no error, and no value either. */
  readonly outcome: 'ok' | 'empty' | 'failed';
  /** Numbers and texts that are there, times left out. */
  readonly values: number;
  readonly ms: number;
  /** What Grafana said, of a question that failed. */
  readonly error?: string;
  /** Of a variable. */
  readonly listed?: readonly string[];
}

export interface GrafanaOptions {
  readonly url: string;
  /** Of a service account with the role Viewer; none where anonymous viewers may look. */
  readonly token?: string | undefined;
  /** By type of data source. */
  readonly uids: Readonly<Record<string, string>>;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Grafana is not there, or lets nobody in: no question needs to be asked. `isRefused` tells which. */
export class GrafanaUnavailable extends Error {
  readonly isRefused: boolean;

  constructor(message: string, isRefused: boolean, options?: ErrorOptions) {
    super(message, options);
    this.isRefused = isRefused;
  }
}

interface Field {
  readonly type?: string;
}
interface Frame {
  readonly schema?: {
    readonly fields?: readonly Field[];
    readonly meta?: { readonly custom?: { readonly resultType?: string } };
  };
  readonly data?: { readonly values?: readonly (readonly unknown[])[] };
}
interface Body {
  readonly message?: string;
  readonly results?: Readonly<
    Record<string, { readonly error?: string; readonly status?: number; readonly frames?: readonly Frame[] }>
  >;
}

const TIMEOUT_MS = 30_000;
/** A panel as wide as a screen. */
const MAX_DATA_POINTS = 1000;

/** @returns the version @throws GrafanaUnavailable */
export async function askHealth(options: GrafanaOptions): Promise<string> {
  const { status, body } = await request(options, '/api/health');
  const { version } = body as { version?: string };
  if (status !== 200) throw new GrafanaUnavailable(`${options.url}/api/health answers ${status}`, false);
  return version ?? 'of an unknown version';
}

/**
 * @param filled values of the variables so far
 * @throws GrafanaUnavailable when it went away, or asks for a login
 */
export async function ask(
  options: GrafanaOptions,
  question: Question,
  filled: { readonly variables: readonly Variable[]; readonly listed: Listed },
): Promise<Answer> {
  const { fromMs, toMs, uids } = options;
  const { type, refId, minStepMs, lists } = question;
  const uid = uids[type];
  if (uid === undefined) return { outcome: 'failed', values: 0, ms: 0, error: `no data source of type ${type} is known` };
  const query = fillVariables(question.query, filled.variables, filled.listed, fromMs) as Record<string, unknown>;
  const began = performance.now();
  const within = () => Math.round(performance.now() - began);
  if (typeof query['labelValues'] === 'string')
    return { ...(await askLabelValues(options, uid, query['labelValues'])), ms: within() };
  const datasource = { type, uid };
  const intervalMs = Math.max(minStepMs, Math.ceil((toMs - fromMs) / MAX_DATA_POINTS));
  const sent = { ...query, refId, datasource, intervalMs, maxDataPoints: MAX_DATA_POINTS };
  const { status, body } = await request(options, '/api/ds/query', { queries: [sent], from: String(fromMs), to: String(toMs) });
  const answer = { ...judge(status, body, refId, uid), ms: within() };
  const texts = (body.results?.[refId]?.frames ?? []).flatMap(({ data }) => data?.values?.[0] ?? []);
  return lists === undefined ? answer : { ...answer, listed: texts.map(String) };
}

/** `label_values(selector, label)`, by way of the data source, as the page asks. */
async function askLabelValues(
  { fromMs, toMs, ...options }: GrafanaOptions,
  uid: string,
  text: string,
): Promise<Omit<Answer, 'ms'>> {
  const [, selector = '', label = ''] = /^label_values\((.+), *(\w+)\)$/.exec(text) ?? [];
  const range = new URLSearchParams({ 'match[]': selector, start: String(fromMs / 1000), end: String(toMs / 1000) });
  const path = `/api/datasources/uid/${uid}/resources/api/v1/label/${label}/values?${range.toString()}`;
  const { status, body } = await request({ fromMs, toMs, ...options }, path);
  const { data, error, message = error } = body as { data?: readonly string[]; error?: string; message?: string };
  if (status !== 200 || data === undefined)
    return { outcome: 'failed', values: 0, error: `HTTP ${status}: ${message ?? 'no result'} (data source ${uid})` };
  return { outcome: data.length > 0 ? 'ok' : 'empty', values: data.length, listed: data };
}

function judge(status: number, body: Body, refId: string, uid: string): Omit<Answer, 'ms'> {
  const result = body.results?.[refId];
  if (result === undefined)
    return { outcome: 'failed', values: 0, error: `HTTP ${status}: ${body.message ?? 'no result'} (data source ${uid})` };
  if (result.error !== undefined && result.error !== '') return { outcome: 'failed', values: 0, error: result.error };
  if ((result.status ?? 200) >= 400) return { outcome: 'failed', values: 0, error: `status ${result.status}` };
  const values = (result.frames ?? []).reduce((sum, frame) => sum + countValues(frame), 0);
  return { outcome: values > 0 ? 'ok' : 'empty', values };
}

/** NaN and infinity are null in JSON. Exemplars come beside what was asked for, and stand for nothing of it. */
function countValues({ schema = {}, data = {} }: Frame): number {
  if (schema.meta?.custom?.resultType === 'exemplar') return 0;
  return (data.values ?? []).reduce((sum, column, index) => {
    const isTime = schema.fields?.[index]?.type === 'time';
    return isTime ? sum : sum + column.filter((value) => value !== null && value !== undefined).length;
  }, 0);
}

async function request({ url, token }: GrafanaOptions, path: string, json?: object): Promise<{ status: number; body: Body }> {
  const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const init = json === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(json) };
  let response: Response;
  try {
    response = await fetch(url + path, { ...init, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new GrafanaUnavailable(`Grafana does not answer at ${url}: ${reasonOf(error)}`, false, { cause: error });
  }
  if (response.status === 401 || response.status === 403 || (response.status >= 300 && response.status < 400)) {
    const wanted = 'set GRAFANA_TOKEN to a token of a service account with the role Viewer';
    throw new GrafanaUnavailable(`Grafana at ${url} refuses ${path} (${response.status}): ${wanted}`, true);
  }
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) as Body };
  } catch {
    return { status: response.status, body: { message: text.slice(0, 200) } };
  }
}

/** fetch hides why in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
  return cause?.code ?? cause?.message ?? message;
}
