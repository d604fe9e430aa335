// The tables that segments may write to: their columns, which of them is the time that rows belong to, and where rows outside the ingest
// window go. A segment names its table and its columns, and no others are ever written to. To add one: an entry here, a lane that writes to it
// (`LANE_RELATIONS`), an encoder, a migration.
import { KeepwatchError } from '../../errors.ts';
import type { SpoolLane } from '../../event.ts';
import { COLUMNS, LOG_COLUMNS } from './copy-tuples.ts';

export interface Relation {
  /** Its name in the schema keepwatch. */
  readonly name: string;
  /** Columns as its encoder writes them, in order. */
  readonly columns: readonly string[];
  /** Columns that a segment of another version may have besides. */
  readonly moreColumns: readonly string[];
  /** By which rows are partitioned, and judged by the ingest window; a timestamptz that every segment has. */
  readonly timeColumn: string;
  /** Where rows outside of the window go. */
  readonly quarantine: string;
}

const METRICS: Relation = {
  name: 'observability_metrics',
  columns: COLUMNS,
  moreColumns: ['created_at'],
  timeColumn: 'end_time',
  quarantine: 'observability_quarantine',
};

const LOGS: Relation = {
  name: 'observability_logs',
  columns: LOG_COLUMNS,
  moreColumns: ['created_at'],
  timeColumn: 'time',
  quarantine: 'observability_logs_quarantine',
};

const RELATIONS: ReadonlyMap<string, Relation> = new Map([METRICS, LOGS].map((relation) => [relation.name, relation]));

/** What each lane writes to. */
export const LANE_RELATIONS: Readonly<Record<SpoolLane, Relation>> = { keep: METRICS, rest: METRICS, logs: LOGS };

/** Undefined for a name that this version does not know. */
export function findRelation(name: string): Relation | undefined {
  return RELATIONS.get(name);
}

/** The relation of a header that was read. @throws KeepwatchError ERR_SEGMENT_INVALID for a name that this version does not know */
export function relationOf(name: string): Relation {
  const relation = findRelation(name);
  if (relation === undefined) throw new KeepwatchError('ERR_SEGMENT_INVALID', `no relation ${JSON.stringify(name)} is known`);
  return relation;
}

/** Whether this version can write all of the columns. */
export function knowsColumns({ columns, moreColumns }: Relation, named: readonly string[]): boolean {
  return named.every((column) => columns.includes(column) || moreColumns.includes(column));
}
