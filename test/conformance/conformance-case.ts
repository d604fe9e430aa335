// A case: a small Express app, real requests to it, and the records that they have to leave. The same for every measurer.
import type { Server } from 'node:http';
import type { Express } from 'express';
import type { Client } from './client.ts';
import type { Stage } from './stage.ts';

/** The copies of Express that cases run on: 5.2 with router 2.2, 5.3 with router 2.3. */
export const EXPRESS_VERSIONS = ['4', '5.2', '5.3'] as const;
export type ExpressVersion = (typeof EXPRESS_VERSIONS)[number];

export interface ConformanceCase {
  /** Unique, and readable behind the name of its family. */
  readonly name: string;
  /** Default: all. */
  readonly only?: readonly ExpressVersion[];
  /** Builds the app. The measurer is installed before, unless `installs` says otherwise. */
  readonly routes: (app: Express, stage: Stage) => void;
  /** `by itself`: `routes` calls `stage.install` where it wants to. */
  readonly installs?: 'by itself';
  /** Default: `createServer(app)`. */
  readonly serve?: (app: Express, stage: Stage) => Server;
  /** Sends the requests, and waits for what it can see. Connections that are left open are ended by the stage. */
  readonly drive: (client: Client, stage: Stage) => Promise<unknown>;
  /** The records, in any order; as text of http-record.ts. */
  readonly expect: Expectation;
  /**
   * The versions on which nothing tells a pattern after its registration: there the exact route is promised with `keepwatch/register`, and
   * without it the rest of the record alone (DESIGN 5.8).
   */
  readonly routeNeedsRegister?: readonly ExpressVersion[];
  /** What only Keepwatch has (a health check of its own, say): peers are not judged by it. */
  readonly isOwn?: boolean;
}

export type Expectation = readonly string[] | ((version: ExpressVersion) => readonly string[]);

export interface Family {
  readonly name: string;
  readonly cases: readonly ConformanceCase[];
}

type Routes = ConformanceCase['routes'];
type Extras = Omit<ConformanceCase, 'name' | 'routes' | 'drive' | 'expect'>;

/**
 * A case of plain requests, each on a connection of its own, one after the other: `GET /users/42?q=1`. What the client sees as status has
 * to be what the record says, so that a case cannot expect what the app does not do.
 */
export function asks(
  name: string,
  routes: Routes,
  requests: string | readonly string[],
  expect: string | Expectation,
  extras: Extras = {},
): ConformanceCase {
  const expected: Expectation = typeof expect === 'string' ? [expect] : expect;
  return {
    ...extras,
    name,
    routes,
    expect: expected,
    async drive(client, stage) {
      for (const request of typeof requests === 'string' ? [requests] : requests) {
        const [method = '', path = ''] = request.split(' ');
        stage.saw(await client.ask(method, path));
      }
    },
  };
}

export function expectedOf({ expect }: ConformanceCase, version: ExpressVersion): readonly string[] {
  return typeof expect === 'function' ? expect(version) : expect;
}
