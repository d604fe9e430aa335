// Plays the log stream of one app: numbers its lines, names each in its attributes, counts as a stream has to, and keeps what the sink leaves.
import { type LogBatch, type LogLine, type LogSink, logLevelName } from '../../../src/log.ts';
import { formatTag } from '../evidence.ts';

/** Every so many lines one is a warning. */
const WARN_EVERY = 7;

export class NumberedLogs {
  sink: LogSink | undefined;
  readonly #name: string;
  readonly #service: string;
  readonly #now: () => number;
  readonly #series = { info: { type: 'log', name: 'info' }, warn: { type: 'log', name: 'warn' } } as const;
  #recorded = 0;
  #waiting: LogLine[] = [];

  /** @param name that its lines go by in the evidence */
  constructor(name: string, service: string, now: () => number) {
    this.#name = name;
    this.#service = service;
    this.#now = now;
  }

  get recorded(): number {
    return this.#recorded;
  }

  /** Lines that the sink has not taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  record(lines: number): void {
    for (let line = 0; line < lines; line++) {
      const number = ++this.#recorded;
      this.#waiting.push({
        timeMs: this.#now(),
        level: number % WARN_EVERY === 0 ? 40 : 30,
        message: `line ${number}`,
        logger: undefined,
        service: this.#service,
        traceId: undefined,
        spanId: undefined,
        attributes: formatTag(this.#name, number),
      });
    }
  }

  readonly collect = (): void => {
    const lines = this.#waiting;
    const line = (index: number) => lines[index] as LogLine;
    const batch: LogBatch = {
      lane: 'logs',
      size: lines.length,
      counts: { recorded: this.#recorded, sampledOut: 0, dropped: {} },
      lowWatermarkMs: this.#now(),
      line,
      series: (index) => this.#series[logLevelName(line(index).level) as 'info' | 'warn'],
      eachDropped() {},
    };
    this.#waiting = lines.slice(this.sink?.accept(batch) ?? 0);
  };
}
