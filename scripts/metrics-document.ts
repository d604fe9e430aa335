// docs/metrics.md, from the catalogue. A unit test compares it with the file; npm run docs:metrics writes it.
import { EVENT_TYPES, type EventType } from '../src/event.ts';
import { CATALOGUE, type MetricEntry } from '../src/instrument/catalogue.ts';
import { DEFAULT_MAX_SERIES, OVERFLOW_VALUE } from '../src/instrument/series-table.ts';

const TITLES: Readonly<Record<string, string>> = {
  api: 'HTTP requests (`api`)',
  agent: 'Agents (`agent`)',
  tool: 'Tools (`tool`)',
  llm: 'Language models (`llm`)',
  db: 'Database queries (`db`)',
  keepwatch: 'Keepwatch itself',
};

const INTRODUCTION = `# Metrics

Generated from \`src/instrument/catalogue.ts\` by \`npm run docs:metrics\`: change the catalogue, not this file.

Every execution moves the metrics of its type in the moment in which it becomes a timing event, from the same clock reading: the count of a
histogram is the number of rows of that type in \`keepwatch.observability_metrics\`, once they are archived. A metric appears at \`/metrics\`
when something has been measured for it. Beside these stand prom-client's default metrics of the process.

Labels are bounded. A metric has at most ${DEFAULT_MAX_SERIES} series; what comes later goes to the label value \`${OVERFLOW_VALUE}\` and is counted in
\`keepwatch_series_overflow_total\`, so that sums stay exact. \`http_route\` is the template under which the route was registered, never a
URL; requests that no route answered are \`__unmatched__\`, unknown methods \`_OTHER\`. \`error_type\` is empty, the status code of a server
error, \`client_disconnect\` (the client went away), or \`server_disconnect\` (the server closed the connection before all was out).
\`status\` is \`success\`, \`failure\` or \`aborted\`.
`;

/** The whole document. */
export function metricsDocument(): string {
  const sections = new Map<string, string[]>(Object.keys(TITLES).map((section) => [section, []]));
  for (const [name, entry] of Object.entries(CATALOGUE) as [string, MetricEntry][]) {
    const section = sectionOf(name, entry);
    sections.set(section, [...(sections.get(section) ?? []), row(name, entry)]);
  }
  const parts = [...sections].map(([section, rows]) => {
    const head = '| metric | type | labels | what it says |\n| --- | --- | --- | --- |';
    return `## ${TITLES[section] ?? section}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return [INTRODUCTION, ...parts, bucketsSection()].join('\n');
}

function sectionOf(name: string, { event }: MetricEntry): string {
  const prefix = name.split('_')[0] ?? '';
  return event ?? (prefix === 'http' ? 'api' : isEventType(prefix) || prefix === 'keepwatch' ? prefix : 'keepwatch');
}

function isEventType(text: string): text is EventType {
  return (EVENT_TYPES as readonly string[]).includes(text);
}

function row(name: string, { type, labels, help }: MetricEntry): string {
  const labelText = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${type} | ${labelText} | ${help} |`;
}

function bucketsSection(): string {
  const lines = (Object.entries(CATALOGUE) as [string, MetricEntry][])
    .filter(([, { buckets }]) => buckets !== undefined)
    .map(([name, { buckets = [] }]) => `- \`${name}\`: ${buckets.join(', ')}`);
  return `## Buckets\n\nUpper bounds in seconds:\n\n${lines.join('\n')}\n`;
}
