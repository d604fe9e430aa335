// Judges what became of the events and log lines of a run, once all is healed and drained: each that was safe is in Postgres exactly once, or counted to
// the event where a fault destroyed its bytes, rollups equal raw rows by every label, and `verify` finds nothing to say.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { type VerifiedLane, type VerifyReport, verifyArchive } from '../../src/archive/verify/verify.ts';
import type { Database } from '../../src/db/database.ts';
import type { DropReason } from '../../src/event.ts';
import { makeMemoryFolder } from '../support/memory-folder.ts';
import { compareRollups } from '../support/rollup-oracle.ts';
import { type AppEvidence, type Evidence, logsOf, tagOf } from './evidence.ts';
import { segmentFiles } from './segment-bytes.ts';

export interface Case {
  readonly evidence: Evidence;
  readonly database: Database;
  readonly spoolDirs: readonly string[];
  /** Of the run alone: its rows and sources are known by it. */
  readonly service: string;
}

/** @returns what is wrong, a sentence each; empty when all holds */
export async function judge({ evidence, database, spoolDirs, service }: Case): Promise<string[]> {
  const problems: string[] = [];
  const found = await readTags(database, service);
  const twice = [...found].filter(([, times]) => times > 1).map(([tag, times]) => `${tag} (${times} times)`);
  if (twice.length > 0) problems.push(`doubled: ${list(twice)}`);
  const report = await verifyTogether(database, spoolDirs);
  const lanes = report.sources.filter((lane) => lane.service === service);
  problems.push(...lanes.flatMap((lane) => lane.problems.map(({ message }) => `verify: ${message}`)));
  for (const [app, known] of evidence.apps) {
    problems.push(
      ...judgeApp(
        app,
        known,
        evidence,
        found,
        lanes.filter(({ instance, lane }) => (lane === 'logs' ? logsOf(instance) : instance) === app),
      ),
    );
  }
  const rolled = report.rollups.problems.filter((difference) => difference.service === service);
  problems.push(...rolled.map(({ message }) => `verify: ${message}`));
  problems.push(...(await compareRollups(database, service)).map((difference) => `rollups: ${difference}`));
  const left = spoolDirs.flatMap((folder) => segmentFiles(folder));
  if (left.length > 0) problems.push(`left in the spool: ${list(left)}`);
  return [...new Set(problems)];
}

/** With what all spools hold in one: to read the database takes most of the time. No source is in two of them. */
async function verifyTogether(database: Database, spoolDirs: readonly string[]): Promise<VerifyReport> {
  const spoolDir = makeMemoryFolder();
  try {
    for (const each of spoolDirs.filter(existsSync)) cpSync(each, spoolDir, { recursive: true, preserveTimestamps: true });
    return await verifyArchive({ database, spoolDir });
  } finally {
    rmSync(spoolDir, { recursive: true });
  }
}

function judgeApp(
  app: string,
  known: AppEvidence,
  evidence: Evidence,
  found: ReadonlyMap<string, number>,
  lanes: readonly VerifiedLane[],
): string[] {
  const missing: string[] = [];
  // A killed process had recorded more than it has said: at least what is there, and what was destroyed.
  const until = known.isKilled ? lastNumber(app, known.recorded, [found.keys(), evidence.destroyed]) : known.recorded;
  for (let number = 1; number <= until; number++) {
    if (!found.has(tagOf(app, number))) missing.push(tagOf(app, number));
  }
  const intact = missing.filter((tag) => !evidence.isDestroyed(tag));
  const safe = intact.filter((tag) => evidence.isSafe(tag));
  const damaged = dropsOf(lanes, 'damaged');
  const restored = dropsOf(lanes, 'restore');
  const counted = dropsOf(lanes) - damaged; // intact, and dropped in good order
  const destroyed = missing.length - intact.length;
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(`${app}: ${problem}`);
  };
  expect(safe.length <= counted, `lost ${safe.length} events that were safe, ${counted} are counted as dropped: ${list(safe)}`);
  expect(damaged <= destroyed || known.isKilled, `${destroyed} destroyed events are missing, ${damaged} are counted as damaged`);
  expect(damaged <= missing.length, `${missing.length} events are missing, ${damaged} are counted as damaged`);
  const isKept = evidence.graceEnded === undefined;
  expect(
    !isKept || restored <= destroyed,
    `${restored} events are counted as lost by a restore, though their segments were kept`,
  );
  if (!known.isKilled) problems.push(...judgeCounts(app, known.recorded, missing, intact, lanes));
  const present = countOf(app, found);
  const archived = lanes.reduce((sum, lane) => sum + lane.archived + lane.quarantined + lane.deadLettered, 0);
  expect(present === archived, `${present} rows, the ledger says ${archived}`);
  return problems;
}

/** Of an app that came to a good end everything is known: each event that is missing is counted, and no other. */
function judgeCounts(
  app: string,
  recorded: number,
  missing: readonly string[],
  intact: readonly string[],
  lanes: readonly VerifiedLane[],
): string[] {
  const dropped = dropsOf(lanes);
  const ordinary = dropped - dropsOf(lanes, 'damaged') - dropsOf(lanes, 'restore');
  const told = lanes.reduce((sum, lane) => sum + lane.recorded, 0);
  const problems: string[] = [];
  if (intact.length < ordinary) problems.push(`${app}: ${ordinary} events are counted as dropped, ${intact.length} are missing`);
  // The end of a dead source's last segment, once destroyed, tells nobody how many events it held.
  if (lanes.some(({ unknownTailBytes }) => unknownTailBytes > 0)) return problems;
  if (missing.length !== dropped) {
    problems.push(
      `${app}: ${missing.length} events are missing, ${dropped} are counted: ${list(intact.length > 0 ? intact : missing)}`,
    );
  }
  if (told !== recorded) problems.push(`${app}: recorded ${recorded}, the ledger says ${told}`);
  return problems;
}

function lastNumber(app: string, recorded: number, tags: readonly Iterable<string>[]): number {
  let last = recorded;
  for (const some of tags) {
    for (const tag of some) if (tag.startsWith(`${app}:`)) last = Math.max(last, Number(tag.slice(app.length + 1)));
  }
  return last;
}

function countOf(app: string, found: ReadonlyMap<string, number>): number {
  let rows = 0;
  for (const [tag, times] of found) if (tag.startsWith(`${app}:`)) rows += times;
  return rows;
}

/** @param reason default: all of them */
function dropsOf(lanes: readonly VerifiedLane[], reason?: DropReason): number {
  return lanes
    .flatMap(({ dropped }) => Object.entries(dropped))
    .reduce((sum, [found, events]) => sum + (reason === undefined || found === reason ? events : 0), 0);
}

/** Every event and line of the run in Postgres, and how often it is there. */
async function readTags(database: Database, service: string): Promise<Map<string, number>> {
  const rows = await database.any<{ tag: string; times: number }>(
    `select metadata ->> 'chaos' as tag, count(*)::int as times from (
       select metadata from keepwatch.observability_metrics where service = $<service>
       union all
       select metadata from keepwatch.observability_quarantine where service = $<service>
       union all
       select attributes from keepwatch.observability_logs where service = $<service>
       union all
       select attributes from keepwatch.observability_logs_quarantine where service = $<service>
     ) as stored group by 1`,
    { service },
  );
  return new Map(rows.map(({ tag, times }) => [tag, times]));
}

function list(all: readonly string[]): string {
  return all.length > 8 ? `${all.slice(0, 8).join(', ')} … (${all.length})` : all.join(', ');
}
