// What the label `severity` means, whatever word people use for it.

/** PagerDuty's words, the worst first. */
const ORDER = ['critical', 'error', 'warning', 'info'] as const;
export type Severity = (typeof ORDER)[number];

/** `page` is what on-call people call what wakes them. */
const MEANINGS = new Map<string, Severity>([
  ['critical', 'critical'],
  ['page', 'critical'],
  ['error', 'error'],
  ['high', 'error'],
  ['warning', 'warning'],
  ['ticket', 'warning'],
  ['info', 'info'],
  ['none', 'info'],
]);

/** What no word names is an error. */
export function severityOf(label: string | undefined): Severity {
  return MEANINGS.get((label ?? '').toLowerCase()) ?? 'error';
}

/** For sorting: the worst first. */
export function compareSeverity(a: string | undefined, b: string | undefined): number {
  return ORDER.indexOf(severityOf(a)) - ORDER.indexOf(severityOf(b));
}
