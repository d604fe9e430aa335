// The series that log lines are counted by, one for each level, and how many lines of each found no room.
import type { CountedSeries } from '../../event.ts';
import { type LogLevel, logLevelName } from '../../log.ts';

export class LevelSeries {
  readonly #series = new Map<LogLevel, CountedSeries>();
  readonly #dropped = new Map<CountedSeries, number>();

  /** The same object for the same level. */
  of(name: LogLevel): CountedSeries {
    let series = this.#series.get(name);
    if (series === undefined) {
      series = { type: 'log', name };
      this.#series.set(name, series);
    }
    return series;
  }

  /** @param level undefined: it is known of all lines together only */
  noteDrop(level: number | undefined): void {
    if (level === undefined) return;
    const series = this.of(logLevelName(level));
    this.#dropped.set(series, (this.#dropped.get(series) ?? 0) + 1);
  }

  eachDropped(tell: (series: CountedSeries, lines: number) => void): void {
    for (const [series, lines] of this.#dropped) tell(series, lines);
  }
}
