// How far files are imported, as Postgres has it: a mark for each lane of an import, moved in the transaction of its rows.
import { createHash } from 'node:crypto';
import type { Database, Statement } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { LANES, type Lane } from '../../event.ts';

const listImports = loadSql('archive/list-imports');
const registerImport = loadSql('archive/register-import');
const readImport = loadSql('archive/read-import');
const moveImport = loadSql('archive/move-import');

/** By bytes: what was imported up to there, in which lane, and its hash. */
export type Marks = ReadonlyMap<number, readonly { readonly lane: Lane; readonly sha256: string }[]>;

/** All that is known of imports. @throws what Postgres says */
export async function listMarks(database: Database): Promise<Marks> {
  const marks = new Map<number, { lane: Lane; sha256: string }[]>();
  for (const { lane, bytes, sha256 } of await database.any<{ lane: Lane; bytes: number; sha256: string }>(listImports)) {
    const known = marks.get(bytes) ?? [];
    known.push({ lane, sha256 });
    marks.set(bytes, known);
  }
  return marks;
}

/** What the ledger says of a lane of an import. */
export interface ImportedLane {
  segment: number;
  recorded: number;
  readonly series: Map<string, { readonly type: string; readonly name: string; recorded: number }>;
}

/** The source of a content: the same whenever, and by whomever, it is imported. @param sha256 hexadecimal */
export function importSourceId(sha256: string): bigint {
  return createHash('sha256').update(`keepwatch import ${sha256}`).digest().readBigUInt64BE() >> 1n;
}

/** Makes the source of an import known. @returns how far it is. @throws what Postgres says */
export async function openImport(database: Database, sourceId: bigint, file: string): Promise<Record<Lane, ImportedLane>> {
  await database.none(registerImport, { sourceId, file });
  const rows = await database.any<{ lane: Lane; segment: number; recorded: number; series: [string, string, number][] }>(
    readImport,
    {
      sourceId,
    },
  );
  const laneOf = (lane: Lane): ImportedLane => {
    const row = rows.find((each) => each.lane === lane);
    const series = (row?.series ?? []).map(([type, name, recorded]) => [`${type}\n${name}`, { type, name, recorded }] as const);
    return { segment: row?.segment ?? 0, recorded: row?.recorded ?? 0, series: new Map(series) };
  };
  const [keep, rest] = LANES;
  return { keep: laneOf(keep), rest: laneOf(rest) };
}

export interface Mark {
  readonly sourceId: bigint;
  readonly lane: Lane;
  readonly file: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Of the events that come along; null without. */
  readonly firstEndMs: number | null;
  readonly lastEndMs: number | null;
}

/** For the transaction of the rows before the mark. */
export function moveMarkStatement(mark: Mark): Required<Omit<Statement, 'chunks'>> {
  return { sql: moveImport, values: mark };
}
