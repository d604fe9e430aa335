// What goes wrong, and when: drawn from a seed, the same for all contenders of a run.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../src/db/database.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import type { Loss, TcpProxy } from '../support/tcp-proxy.ts';

export const FAULT_NAMES = [
  'no fault',
  'connections cut',
  'answer to COMMIT lost',
  'COMMIT arrives late',
  'backends terminated',
  'postmaster crashes',
  'Postgres away for 5 s',
  'app killed (-9)',
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

export interface Scene {
  readonly server: PostgresServer;
  readonly proxies: readonly TcpProxy[];
  /** A connection beside the proxies; made anew for each use. */
  readonly asAdmin: <T>(work: (database: Database) => Promise<T>) => Promise<T>;
  /** Kills every app, and starts each again. */
  readonly killApps: () => Promise<void>;
  /** How long the apps record, in milliseconds. */
  readonly durationMs: number;
}

/** Does it, from the moment that the apps begin to record; resolves when nothing is wrong any more. */
export async function playFault(name: FaultName, random: () => number, scene: Scene): Promise<void> {
  const { server, proxies, durationMs } = scene;
  const moments = (count: number) => Array.from({ length: count }, () => random() * durationMs).sort((a, b) => a - b);
  const at = async (times: readonly number[], work: () => unknown) => {
    const startedMs = performance.now();
    for (const time of times) {
      await sleep(Math.max(0, time - (performance.now() - startedMs)));
      await work();
    }
  };
  const loseCommit = (loss: Loss) => {
    for (const proxy of proxies) void proxy.lose(loss, 'commit');
  };
  switch (name) {
    case 'no fault':
      return;
    case 'connections cut':
      return at(moments(8), () => proxies.map((proxy) => proxy.cut()));
    case 'answer to COMMIT lost':
      return at(moments(2), () => loseCommit('answer'));
    case 'COMMIT arrives late':
      return at(moments(2), () => loseCommit('late'));
    case 'backends terminated':
      return at(moments(8), () => scene.asAdmin((database) => database.any(TERMINATE)).catch(() => {}));
    case 'postmaster crashes':
      return at(moments(1), async () => {
        await server.stop('immediate');
        await sleep(500 * random());
        await server.start();
      });
    case 'Postgres away for 5 s':
      return at([durationMs / 10], async () => {
        for (const proxy of proxies) proxy.down();
        await sleep(5000);
        for (const proxy of proxies) proxy.up();
      });
    case 'app killed (-9)':
      return at([durationMs * (0.3 + random() / 2)], scene.killApps);
  }
}

const TERMINATE = `select pg_terminate_backend(pid) from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'peers-admin'`;
