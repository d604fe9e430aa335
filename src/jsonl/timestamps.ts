// Moments as ISO 8601 with microseconds, in UTC. Those that follow each other mostly stand in the same second.

const SECOND = 1_000_000;

export class Timestamps {
  #second = Number.NaN;
  #text = '';

  /** @param microseconds whole ones since the epoch, of the years 1970 to 9999 */
  format(microseconds: number): string {
    const second = Math.floor(microseconds / SECOND);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#text}${String(microseconds - second * SECOND).padStart(6, '0')}Z`;
  }
}

/** The UTC day of a moment: `2026-11-21`. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
