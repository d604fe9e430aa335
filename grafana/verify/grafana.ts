// A Grafana that answers over HTTP: /api/health, and /api/ds/query, which is what its own panels ask.
import type { Question } from './questions.ts';

/** What came back to a question. */
export interface Answer {
  /** `empty`: no error, and no value either. */
  readonly outcome: 'ok' | 'empty' | 'failed';
  /** Numbers and texts that are there, times left out. */
  readonly values: number;
  readonly ms: number;
  /** What Grafana said, of a question that failed. */
  readonly error?: string;
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

/** @throws GrafanaUnavailable when it went away, or asks for a login */
export async function ask(options: GrafanaOptions, question: Question): Promise<Answer> {
  const { fromMs, toMs, uids } = options;
  const { type, refId, query, minStepMs } = question;
  const uid = uids[type];
  if (uid === undefined) return { outcome: 'failed', values: 0, ms: 0, error: `no data source of type ${type} is known` };
  const datasource = { type, uid };
  const intervalMs = Math.max(minStepMs, Math.ceil((toMs - fromMs) / MAX_DATA_POINTS));
  const sent = { ...query, refId, datasource, intervalMs, maxDataPoints: MAX_DATA_POINTS };
  const began = performance.now();
  const { status, body } = await request(options, '/api/ds/query', { queries: [sent], from: String(fromMs), to: String(toMs) });
  return { ...judge(status, body, refId, uid), ms: Math.round(performance.now() - began) };
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
