// What the suite asks of everything that measures: a middleware to install, and afterwards what it exposes.
import type { RequestHandler } from 'express';
import type { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import type { HttpRecord } from './http-record.ts';
import type { Framework } from './stage.ts';

export const MEASURER_NAMES = ['keepwatch', 'express-prom-bundle', 'swagger-stats', 'opentelemetry'] as const;
export type MeasurerName = (typeof MEASURER_NAMES)[number];

/** One request as a measurer exposes it, in its own words. */
export interface Observation {
  readonly method: string | undefined;
  /** Undefined: the label is absent. */
  readonly route: string | undefined;
  readonly status: string | undefined;
  /** What tells that it did not end well; undefined: it looks like any other. */
  readonly mark: string | undefined;
  /** Milliseconds in the latency histogram; the mean of its series. */
  readonly latencyMs: number;
}

/** Measures one case. */
export interface Measurer {
  middleware(): RequestHandler;
  /** Serves the measurer's own exposition (and health checks), to be mounted in an app. */
  selfRoutes(): RequestHandler;
  /** Keepwatch's own, for the cases that only it has. */
  readonly tracker?: ObservabilityTracker;
  /** Where `selfRoutes` serves the exposition. */
  readonly metricsPath: string;
  /** Everything that it recorded of the case. Called when all is over. */
  observations(): Promise<readonly Observation[]>;
  /** How it writes the route of a record. Undefined: without a route. */
  routeOf(expected: HttpRecord): string | undefined;
  /**
   * What else is demanded of it, where it promises more than all others: the faults, as sentences.
   * @param context what the stage knows and the measurer cannot
   */
  faults(expected: readonly HttpRecord[], context: CheckContext): Promise<readonly string[]>;
}

export interface CheckContext {
  /** False: the exact route is not promised. */
  readonly isRouteExact: boolean;
  /** The longest time to a first byte that a client saw. */
  readonly headersMs: number;
}

/** Prepared once per process, before any app is made. */
export interface MeasurerFactory {
  readonly name: MeasurerName;
  prepare(framework: Framework): void | Promise<void>;
  /** A fresh one: nothing of the last case is in it. */
  open(): Measurer | Promise<Measurer>;
}
