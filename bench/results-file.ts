// The text of bench/RESULTS.md.
import type { Environment } from './environment.ts';
import { formatMarkdown, type SectionResult } from './report.ts';

const TITLES: Readonly<Record<string, string>> = {
  http: 'Express requests',
  track: 'Wrapped calls',
  scrape: 'Scrapes',
  spool: 'Events to the disk',
  archive: 'Rows into Postgres',
  rollups: 'Rollups in a batch',
  history: 'History',
  alerts: 'Slots of rules',
  panels: 'Panels',
};

/** The whole file; `command` is the line that made it. */
export function formatResults(command: string, environment: Environment, results: readonly SectionResult[]): string {
  const pinned = environment.isPinned ? 'contenders on one core, load on another' : 'processes not bound to cores';
  const head = [
    '# Benchmark results',
    '',
    `Made by \`${command}\` on ${environment.date}: Node ${environment.node.slice(1)}, ${environment.platform}, ${environment.cores} cores (${pinned}).`,
    'This file is written by the benchmark (`--write`); read ratios and differences, not absolute figures: they belong to one machine.',
    'Cells show the median [95% interval of the median].',
  ];
  const sections = results.flatMap((result) => [
    '',
    `## ${TITLES[result.name] ?? result.name}`,
    '',
    ...result.notes.map((note) => `- ${note}`),
    ...result.problems.map((problem) => `- **Wrong:** ${problem}`),
    ...result.tables.flatMap((table) => ['', formatMarkdown(table)]),
  ]);
  return `${[...head, ...sections].join('\n')}\n`;
}
