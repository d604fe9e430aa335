// What all contenders for scrapes share: they fill a registry, serve it over HTTP, and move every series between scrapes.
import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent, cpuUs } from '../child-side.ts';

/** How many series of each kind. */
export interface Shape {
  readonly counters: number;
  readonly histograms: number;
}

/** A contender with its metrics in place. */
export interface Exposer {
  readonly handler: RequestListener;
  /** Moves the counter and the histogram of every series, by amounts that grow with `round`. */
  move(round: number): void;
  /** What the handler has to send. */
  expected(): Promise<string>;
}

export interface ServerUse {
  /** CPU time of the process, all threads. */
  readonly cpuMs: number;
  /** The longest time between two turns of the event loop, as far as the process had the CPU meanwhile. */
  readonly longestBlockMs: number;
}

export type ScrapeContenderMethods = {
  /** @returns the port */
  open(shape: Shape): Promise<number>;
  /** From now on, until `use`, the process is watched. */
  watch(): void;
  use(): ServerUse;
  expected(): Promise<string>;
};

/** Upper bounds of the histograms: 14 lines a series. */
export const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
export const LABELS = ['method', 'route', 'status'] as const;

export function labelsOf(index: number): [method: string, route: string, status: string] {
  return [index % 2 === 0 ? 'GET' : 'POST', `/api/v1/tenants/:tenant/things/${index}`, '200'];
}

export function serveScrapes(create: (shape: Shape) => Exposer): void {
  let exposer: Exposer | undefined;
  let round = 0;
  let watch = watchLoop();
  answerParent({
    async open(shape) {
      exposer = create(shape);
      const server = createServer(exposer.handler);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return (server.address() as AddressInfo).port;
    },
    watch() {
      exposer?.move(round++);
      watch = watchLoop();
    },
    use: () => watch.end(),
    expected: async () => digest((await exposer?.expected()) ?? ''),
  } satisfies ScrapeContenderMethods);
}

/** Of another process the machine may think more highly for a while: only what was both waited and worked is a block. */
function watchLoop(): { end(): ServerUse } {
  const startUs = cpuUs();
  let longestBlockMs = 0;
  let atMs = performance.now();
  let atUs = startUs;
  let isWatching = true;
  const turn = () => {
    const nowMs = performance.now();
    const nowUs = cpuUs();
    longestBlockMs = Math.max(longestBlockMs, Math.min(nowMs - atMs, (nowUs - atUs) / 1000));
    atMs = nowMs;
    atUs = nowUs;
    if (isWatching) setTimeout(turn, 0);
  };
  turn();
  return {
    end() {
      isWatching = false;
      return { cpuMs: (cpuUs() - startUs) / 1000, longestBlockMs };
    },
  };
}

export function digest(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
