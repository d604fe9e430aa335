// What has to be known of a request once it is over, and its short text: `GET /users/:id 200 success`,
// `POST /orders - aborted client_disconnect`, `GET /events 200 success stream`. Cases are written in it, failures are shown in it.

/** The route of a request that no route answered. */
export const UNMATCHED = '__unmatched__';

/** Who ended the exchange: all of the answer went out, the client went away, or the server cut the connection. */
export type Ending = 'complete' | 'client_disconnect' | 'server_disconnect';
export type Kind = 'success' | 'failure' | 'aborted';

export interface HttpRecord {
  readonly method: string;
  /** A template, or `__unmatched__`. */
  readonly route: string;
  /** Undefined: no status line reached the client. */
  readonly status: number | undefined;
  readonly kind: Kind;
  readonly ending: Ending;
  /** Its lifetime is kept apart from the latencies. */
  readonly isStream: boolean;
}

const KINDS: readonly string[] = ['success', 'failure', 'aborted'];
const ENDINGS: readonly string[] = ['complete', 'client_disconnect', 'server_disconnect'];

/** The text, in full: what is ordinary (`complete`, no stream) is left out. */
export function formatRecord({ method, route, status, kind, ending, isStream }: HttpRecord): string {
  const rest = [...(ending === 'complete' ? [] : [ending]), ...(isStream ? ['stream'] : [])];
  return [method, route, status ?? '-', kind, ...rest].join(' ');
}

/**
 * Reads the text. The kind may be left out: then it is `failure` from 500 on, else `success`.
 * @throws Error for a word that has no place in it
 */
export function parseRecord(text: string): HttpRecord {
  const [method = '', route = '', code = '', ...words] = text.split(' ');
  const unknown = words.find((word) => word !== 'stream' && !KINDS.includes(word) && !ENDINGS.includes(word));
  if (unknown !== undefined || !/^(-|\d{3})$/.test(code)) throw new Error(`not a record: ${text}`);
  const status = code === '-' ? undefined : Number(code);
  const kind = words.find((word) => KINDS.includes(word)) ?? (status !== undefined && status >= 500 ? 'failure' : 'success');
  return {
    method,
    route,
    status,
    kind: kind as Kind,
    ending: (words.find((word) => ENDINGS.includes(word)) ?? 'complete') as Ending,
    isStream: words.includes('stream'),
  };
}
