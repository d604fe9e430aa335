// The live line: how far the demo has come, in under 80 columns as long as all is well. Pure.
import type { AlertCounts } from './burst.ts';
import type { TrafficTotals } from './traffic.ts';

/** What Keepwatch says of itself. */
export interface DemoStatus {
  readonly recorded: number;
  readonly archive: { readonly archived: number; readonly lagSeconds: number; readonly spoolEvents: number } | undefined;
  readonly alerts: AlertCounts;
}

/** `01:23  1240 requests, 12 failed  7731 events  7702 archived  lag 1.2 s  1 firing` */
export function describeProgress(elapsedMs: number, traffic: TrafficTotals, { recorded, archive, alerts }: DemoStatus): string {
  const failed = traffic.status5xx + traffic.transportErrors;
  const seconds = Math.floor(elapsedMs / 1000);
  const clock = [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, '0')).join(':');
  const parts = [clock, `${traffic.sent} requests${failed > 0 ? `, ${failed} failed` : ''}`, `${recorded} events`];
  if (archive !== undefined) {
    parts.push(`${archive.archived} archived`, `lag ${archive.lagSeconds.toFixed(1)} s`, `spool ${archive.spoolEvents}`);
  }
  if (alerts.pending > 0) parts.push(`${alerts.pending} pending`);
  parts.push(alerts.firing > 0 ? `${alerts.firing} FIRING` : 'no alert firing');
  return parts.join('  ');
}
