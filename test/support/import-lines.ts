// Lines of files that are imported.

/** A moment that no test reaches, within what is kept. */
export const PAST_MS = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;

/** An event as `keepwatch export` writes it, without an id unless `more` has one. */
export function eventLine(number: number, more: object = {}, endMs = PAST_MS + number): string {
  const end = `${new Date(endMs).toISOString().slice(0, 23)}${String(number % 1000).padStart(3, '0')}Z`;
  const status = number % 5 === 0 ? 'failure' : 'success';
  return JSON.stringify({
    name: `step ${number % 7}`,
    type: 'workflow_step',
    status,
    end_time: end,
    duration_ms: number / 8,
    ...more,
  });
}
