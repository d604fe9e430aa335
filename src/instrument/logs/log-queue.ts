// Log lines between the logger that writes them and the archive: kept as they came, bounded, handed on off the logger's path.
import type { DropReason } from '../../event.ts';

/** A line as it was written, and what was known at that moment. */
export interface GivenLine {
  readonly text: string;
  /** By the clock of the process. */
  readonly nowMs: number;
  /** Level, when its number stands where pino writes it. */
  readonly level: number | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

export interface LogQueueBounds {
  readonly lines: number;
  /** UTF-16 units of all lines. */
  readonly length: number;
}

/** Lines of less than `warn` may take so much of the queue: the rest is for those that tell of trouble. */
const ORDINARY_SHARE = 0.75;
const WARN = 40;

/** First in, first out. `recorded = handed on + waiting + all dropped`, at any moment. */
export class LogQueue {
  readonly #bounds: LogQueueBounds;
  readonly #onDrop: (level: number | undefined) => void;
  #lines: GivenLine[] = [];
  #first = 0;
  #length = 0;
  #handedOn = 0;
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #droppedTotal = 0;

  /** @param onDrop told of each line that found no room */
  constructor(bounds: LogQueueBounds, onDrop: (level: number | undefined) => void) {
    this.#bounds = bounds;
    this.#onDrop = onDrop;
  }

  get waiting(): number {
    return this.#lines.length - this.#first;
  }

  get recorded(): number {
    return this.#handedOn + this.#droppedTotal + this.waiting;
  }

  get handedOn(): number {
    return this.#handedOn;
  }

  /** By reason, cumulative. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#dropped;
  }

  get droppedTotal(): number {
    return this.#droppedTotal;
  }

  push(line: GivenLine): void {
    const share = (line.level ?? 0) < WARN ? ORDINARY_SHARE : 1;
    const { lines, length } = this.#bounds;
    if (this.waiting >= lines * share || this.#length + line.text.length > length * share) {
      this.#count('ring_full', 1);
      this.#onDrop(line.level);
      return;
    }
    this.#lines.push(line);
    this.#length += line.text.length;
  }

  /** The oldest lines; they stay until `take`. */
  peek(limit: number): readonly GivenLine[] {
    return this.#lines.slice(this.#first, this.#first + limit);
  }

  /** Takes out the oldest: they were handed on, or given up for a reason. */
  take(count: number, reason?: DropReason): void {
    for (let index = 0; index < count; index++) this.#length -= this.#lines[this.#first + index]?.text.length ?? 0;
    this.#first += count;
    if (this.#first * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
    if (reason === undefined) this.#handedOn += count;
    else this.#count(reason, count);
  }

  #count(reason: DropReason, lines: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + lines;
    this.#droppedTotal += lines;
  }
}
