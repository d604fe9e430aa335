// Events as different as rollups can tell them apart.
import type { EventSeries, EventStatus } from '../../src/event.ts';
import type { ArrayEvent } from './array-batch.ts';

const DAY_MS = 86_400_000;
const STATUSES: readonly EventStatus[] = ['success', 'failure', 'aborted'];
export const VARIED_SERIES: readonly EventSeries[] = ['a', 'b', 'c'].flatMap((name) =>
  ['GET', 'POST'].map(
    (method): EventSeries => ({ type: 'api', name, service: 'test', metadata: `"method":"${method}","status_class":"2xx"` }),
  ),
);

/** Of all series, statuses and minutes; late ones among them. */
export function variedEvents(count: number, nowMs = Date.now()): ArrayEvent[] {
  return Array.from({ length: count }, (_, index): ArrayEvent => {
    const series = VARIED_SERIES[index % VARIED_SERIES.length];
    const status = STATUSES[index % STATUSES.length];
    return {
      ...(series && { series }),
      ...(status && { status }),
      ...(index % 4 === 0 && { lane: 'keep' }),
      endMs: nowMs - (index % 7) * 20_000 - (index % 11 === 0 ? (index % 7) * DAY_MS * 0.99 : 0),
      durationMs: index % 13 === 0 ? 0 : 1.0625 ** (index % 250),
      weight: index % 5 === 0 ? 1 + (index % 100) : 1,
      metadata: index % 3 === 0 ? `"id":${index}` : index % 3 === 1 ? '"zzzzzzzzzzzzzzz":"method"' : undefined,
    };
  });
}
