// What all HTTP contenders share: the app with their middleware, served on loopback, its CPU time read around each slice.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { answerParent, cpuUs } from '../child-side.ts';
import { createApp, type Kind } from './app.ts';
import { createInProcessDriver } from './in-process.ts';

/** How a contender measures the app. */
export interface Instrumentation {
  /** Adds itself before the routes. */
  install(app: Express): void;
  /** Finishes deferred work, so that its CPU time counts. */
  settle?(): Promise<void> | void;
  /** How many requests it has counted, by its own metrics; undefined for one that does not measure. */
  counted?(): Promise<number>;
}

export interface InProcessSlice {
  readonly failed: number;
  readonly cpuUs: number;
  readonly seconds: number;
}

export type HttpContenderMethods = {
  listen(): Promise<number>;
  cpu(): number;
  settledCpu(): Promise<number>;
  drive(argument: { kind: Kind; requests: number }): Promise<InProcessSlice>;
  counts(): Promise<{ served: number; counted: number | null }>;
};

/** Serves the instrumented app and answers the benchmark. */
export function serveContender(instrumentation: Instrumentation): void {
  const { app, served } = createApp((target) => instrumentation.install(target));
  const server = createServer(app);
  server.keepAliveTimeout = 0;
  const driver = createInProcessDriver(server);
  const settledCpu = async () => {
    await instrumentation.settle?.();
    return cpuUs();
  };
  answerParent({
    async listen() {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    },
    cpu: cpuUs,
    settledCpu,
    async drive({ kind, requests }) {
      const cpuBefore = cpuUs();
      const startedAt = performance.now();
      const failed = await driver.run(kind, requests);
      const seconds = (performance.now() - startedAt) / 1000;
      return { failed, seconds, cpuUs: (await settledCpu()) - cpuBefore };
    },
    async counts() {
      return { served: served(), counted: (await instrumentation.counted?.()) ?? null };
    },
  } satisfies HttpContenderMethods);
}
