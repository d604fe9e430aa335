// How many events of each series one lane of the ring has dropped. Touched only when something is lost: recording counts nothing for it.
import { grown } from '../grown.ts';

export class SeriesDrops {
  #events = new Float64Array(0);

  /** @param series index in the ring */
  add(series: number): void {
    if (series >= this.#events.length) this.#events = grown(this.#events, series + 1);
    this.#events[series] = (this.#events[series] as number) + 1;
  }

  /** Tells the series of which any were dropped. */
  each(tell: (series: number, events: number) => void): void {
    for (let series = 0; series < this.#events.length; series++) {
      const events = this.#events[series] as number;
      if (events > 0) tell(series, events);
    }
  }
}
