// The live line: how far the demo has come, short enough for a terminal. Pure.
import type { AlertCounts } from './burst.ts';
import type { TrafficTotals } from './traffic.ts';

/** What Keepwatch says of itself. */
export interface DemoStatus {
  readonly recorded: number;
  readonly archive: { readonly archived: number; readonly lagSeconds: number; readonly spoolEvents: number } | undefined;
  readonly alerts: AlertCounts;
}

/** `01:23  alerts: 1 FIRING  1240 requests, 12 failed  7731 events  7702 archived  lag 1.2 s  spool 29`: what matters most comes first. */
export function describeProgress(elapsedMs: number, traffic: TrafficTotals, { recorded, archive, alerts }: DemoStatus): string {
  const failed = traffic.status5xx + traffic.transportErrors;
  const seconds = Math.floor(elapsedMs / 1000);
  const parts = [
    [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, '0')).join(':'),
    `alerts: ${describeAlerts(alerts)}`,
    `${traffic.sent} requests${failed > 0 ? `, ${failed} failed` : ''}`,
    `${recorded} events`,
  ];
  if (archive !== undefined) {
    parts.push(`${archive.archived} archived`, `lag ${archive.lagSeconds.toFixed(1)} s`, `spool ${archive.spoolEvents}`);
  }
  return parts.join('  ');
}

function describeAlerts({ pending, firing }: AlertCounts): string {
  const parts = [...(pending > 0 ? [`${pending} pending`] : []), ...(firing > 0 ? [`${firing} FIRING`] : [])];
  return parts.join(', ') || 'none';
}
