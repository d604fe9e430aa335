// Reads a query string strictly, whatever parser the host's app has been given: repeated names stay apart, nothing is guessed.

/** The parameters in their order, each with all its values, and what cannot be read. */
export interface QueryString {
  readonly parameters: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly string[];
}

/** @param url path and query, as `request.url` has it */
export function parseQueryString(url: string): QueryString {
  const parameters = new Map<string, string[]>();
  const problems: string[] = [];
  const start = url.indexOf('?');
  const parts = start < 0 ? [] : url.slice(start + 1).split('&');
  for (const part of parts.filter((text) => text !== '')) {
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = decode(equals < 0 ? '' : part.slice(equals + 1));
    if (name === undefined || value === undefined) {
      problems.push(`${JSON.stringify(part.slice(0, 100))}: allowed: percent-encoded UTF-8`);
      continue;
    }
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return { parameters, problems };
}

/** Undefined for what is no UTF-8: half of a surrogate pair, a percent sign that encodes nothing. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
