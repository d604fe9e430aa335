// Targets beside code: how fast executions have to be. The contract between instrument, which collects them, and what keeps them.
import type { EventType } from './event.ts';
import { DURATION_FORM, parseDuration } from './units.ts';

/** `{ p95: '3s', 'p99.9': '10s' }`: quantiles with what they may be at most. */
export type TargetLimits = Readonly<Record<`p${number}`, string>>;

/** What one quantile of the durations of executions may be at most. */
export interface Target {
  readonly type: EventType;
  readonly name: string;
  /** Between 0 and 1. */
  readonly quantile: number;
  readonly limitMs: number;
}

/** How limits are written; ends error messages. */
const TARGET_FORM = `quantiles from p1 to p99.99 with what they may be at most, such as { p95: '3s' }: ${DURATION_FORM}`;
/** Quantiles of one name at most. */
const MAX_LIMITS = 10;

/** @throws TypeError saying what was given, and what is allowed */
export function parseTargetLimits(given: unknown): Pick<Target, 'quantile' | 'limitMs'>[] {
  const entries = typeof given === 'object' && given !== null ? Object.entries(given).slice(0, MAX_LIMITS + 1) : [];
  if (entries.length === 0 || entries.length > MAX_LIMITS) throw refused(given);
  return entries.map(([key, limit]) => {
    const digits = /^p(\d{1,2}(?:\.\d{1,2})?)$/.exec(key)?.[1];
    const limitMs = typeof limit === 'string' ? parseDuration(limit) : undefined;
    if (digits === undefined || Number(digits) < 1 || limitMs === undefined || !(limitMs > 0 && limitMs < Infinity))
      throw refused(given);
    return { quantile: Number((Number(digits) / 100).toFixed(4)), limitMs };
  });
}

/** `p95`, `p99.9`. */
export function formatQuantile(quantile: number): string {
  return `p${Number((quantile * 100).toFixed(2))}`;
}

function refused(given: unknown): TypeError {
  let shown: string;
  try {
    shown = (JSON.stringify(given) ?? String(given)).slice(0, 200);
  } catch {
    shown = 'what cannot be shown';
  }
  return new TypeError(`target: got ${shown}; allowed: ${TARGET_FORM}`);
}
