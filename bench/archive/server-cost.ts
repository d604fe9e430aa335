// What a slice costs the server: rows that are there, bytes of table and indexes, write-ahead log, CPU time of its backends.
import { readFile } from 'node:fs/promises';
import type { Database } from '../../src/db/database.ts';

/** At one moment; two of them give the cost of what was done between. */
export interface ServerState {
  readonly rows: number;
  /** Rows that are in the rollups. */
  readonly rolledUp: number;
  /** Of table and indexes. */
  readonly bytes: number;
  readonly walBytes: number;
  /** CPU time of each backend that is connected, by pid, in nanoseconds; NaN where there is no /proc. */
  readonly cpuNs: ReadonlyMap<number, number>;
}

/** CPU time of all backends between two moments, in nanoseconds. One that ended in between is left out. */
export function cpuNsBetween(before: ServerState, after: ServerState): number {
  let sum = 0;
  for (const [pid, cpuNs] of after.cpuNs) sum += cpuNs - (before.cpuNs.get(pid) ?? 0);
  return sum;
}

/** Every slice finds the same: an empty table, and no checkpoint due. */
export async function emptyTable(database: Database): Promise<void> {
  // The ledger stays: an archive that lives would replay what one that is emptied no longer knows.
  await database.none('truncate keepwatch.observability_metrics, keepwatch.rollup_deltas');
  await database.none('checkpoint');
}

export async function readServerState(database: Database): Promise<ServerState> {
  const found = await database.one<{ rows: string; rolled_up: string; bytes: string; wal: string }>(
    `select (select count(*) from keepwatch.observability_metrics) as rows,
       (select coalesce(sum(rows), 0) from keepwatch.rollup_deltas) as rolled_up,
       (select sum(pg_total_relation_size(relid)) from pg_partition_tree('keepwatch.observability_metrics')) as bytes,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal`,
  );
  return {
    rows: Number(found.rows),
    rolledUp: Number(found.rolled_up),
    bytes: Number(found.bytes),
    walBytes: Number(found.wal),
    cpuNs: await readCpuNs(database),
  };
}

async function readCpuNs(database: Database): Promise<Map<number, number>> {
  const backends = await database.any<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  );
  const cpuNs = new Map<number, number>();
  for (const { pid } of backends) {
    cpuNs.set(pid, Number.parseInt(await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => ''), 10));
  }
  return cpuNs;
}
