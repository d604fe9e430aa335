// The lines of an exposition, byte for byte as prom-client writes them. Pure text: knows no registry and no metric.

/** Text 0.0.4 of Prometheus, or OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/). */
export type ExpositionFormat = 'text' | 'openmetrics';

/** Labels that a registry gives to every sample; a label of the sample's own goes before them. */
export type DefaultLabels = Readonly<Record<string, unknown>>;

/** What stands around the labels of a series, on each of its lines of one kind. */
export interface LineFrame {
  readonly open: string;
  readonly close: string;
}

/** The name of the metric family: OpenMetrics takes `_total` off a counter, and puts it on its samples. */
export function familyName(name: string, type: string, format: ExpositionFormat): string {
  return format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
}

/** The name on the line of a counter or gauge. */
export function sampleName(name: string, type: string, format: ExpositionFormat): string {
  return format === 'openmetrics' && type === 'counter' ? `${familyName(name, type, format)}_total` : name;
}

/** The lines HELP and TYPE. OpenMetrics wants quotes in a help text escaped, which prom-client leaves as they are. */
export function formatHead(name: string, help: string, type: string, format: ExpositionFormat): string {
  const family = familyName(name, type, format);
  const text = format === 'openmetrics' ? escapeLabelValue(help) : escapeText(help);
  return `# HELP ${family} ${text}\n# TYPE ${family} ${type}\n`;
}

/** `a="x",b="y"`, without braces. */
export function formatLabels(labels: Readonly<Record<string, unknown>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${typeof value === 'string' ? escapeLabelValue(value) : String(value)}"`)
    .join(',');
}

/**
 * The frame of lines `sample{own,defaults,series} value` (the labels of a histogram's series come last), or
 * `sample{series,defaults} value`.
 * @param own labels of this kind of line, such as `le`
 * @param seriesNames labels that each series brings
 */
export function frameLine(
  sample: string,
  own: Readonly<Record<string, unknown>>,
  seriesNames: readonly string[],
  defaults: DefaultLabels,
  seriesPlace: 'first' | 'last',
): LineFrame {
  const kept = Object.entries({ ...own, ...defaults, ...own }).filter(([name]) => !seriesNames.includes(name));
  const labels = formatLabels(Object.fromEntries(kept));
  if (seriesNames.length === 0) return { open: sample, close: labels === '' ? ' ' : `{${labels}} ` };
  if (seriesPlace === 'first') return { open: `${sample}{`, close: labels === '' ? '} ' : `,${labels}} ` };
  return { open: labels === '' ? `${sample}{` : `${sample}{${labels},`, close: '} ' };
}

/** A value, as prom-client writes it: numbers as JavaScript does, and `Nan`, which every parser takes. */
export function formatValue(value: number): string {
  if (Number.isFinite(value)) return `${value}`;
  if (Number.isNaN(value)) return 'Nan';
  return value < 0 ? '-Inf' : '+Inf';
}

export function escapeLabelValue(value: string): string {
  return escapeText(value).replaceAll('"', '\\"');
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
