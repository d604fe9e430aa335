// What a scraper asks for in `Accept` and `Accept-Encoding`. Never refuses: what it cannot read or have, it gets as text 0.0.4.
import type { ExpositionFormat } from './exposition-text.ts';

interface Range {
  /** `type/subtype`, or a content coding; lower case. */
  readonly name: string;
  readonly version: string | undefined;
  /** 0 to 1; 0 also when it cannot be read. */
  readonly quality: number;
}

/** OpenMetrics 1.0 for those who name it, and do not like text better. */
export function chooseFormat(accept: string | undefined): ExpositionFormat {
  const ranges = parseRanges(accept);
  const openMetrics = qualityOf(ranges, [['application/openmetrics-text', '1.0.0']]);
  const text = qualityOf(ranges, [
    ['text/plain', '0.0.4'],
    ['text/*', undefined],
    ['*/*', undefined],
  ]);
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}

export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return qualityOf(parseRanges(acceptEncoding), [['gzip', undefined]]) > 0;
}

/** The quality of the first of `wanted` that is asked for at all; the exact version goes before none. */
function qualityOf(ranges: readonly Range[], wanted: readonly (readonly [name: string, version: string | undefined])[]): number {
  for (const [name, version] of wanted) {
    const named = ranges.filter((range) => range.name === name);
    const match = named.find((range) => range.version === version) ?? named.find((range) => range.version === undefined);
    if (match !== undefined) return match.quality;
  }
  return 0;
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-accept, without quoted commas, which nobody sends. */
function parseRanges(header: string | undefined): Range[] {
  if (header === undefined) return [];
  return header.split(',').map((part) => {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const values = new Map(parameters.map((parameter) => splitParameter(parameter)));
    const quality = values.get('q');
    return { name, version: values.get('version'), quality: quality === undefined ? 1 : parseQuality(quality) };
  });
}

function splitParameter(parameter: string): readonly [name: string, value: string] {
  const at = parameter.indexOf('=');
  if (at < 0) return [parameter, ''];
  return [
    parameter.slice(0, at).trim(),
    parameter
      .slice(at + 1)
      .trim()
      .replaceAll('"', ''),
  ];
}

function parseQuality(text: string): number {
  return /^(0(\.\d*)?|1(\.0*)?)$/.test(text) ? Number(text) : 0;
}
