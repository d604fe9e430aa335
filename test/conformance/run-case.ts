// Plays one case under one measurer, and says what was right.
import { createServer } from 'node:http';
import { type ConformanceCase, type ExpressVersion, expectedOf } from './conformance-case.ts';
import { parseRecord } from './http-record.ts';
import { isPassed, judge, type Verdict } from './judge.ts';
import type { MeasurerFactory, Observation } from './measurer.ts';
import { peersMaySay } from './peers-may-say.ts';
import { type Framework, Stage } from './stage.ts';

const DEADLINE_MS = 10_000;

export interface CaseResult {
  readonly family: string;
  readonly name: string;
  readonly isPassed: boolean;
  readonly verdict: Verdict;
  readonly expected: readonly string[];
  /** What the measurer exposed, in its own words. */
  readonly got: readonly string[];
  readonly faults: readonly string[];
}

export interface Play {
  readonly framework: Framework;
  readonly version: ExpressVersion;
  readonly factory: MeasurerFactory;
  readonly hasRegister: boolean;
}

export async function runCase(family: string, playedCase: ConformanceCase, play: Play): Promise<CaseResult> {
  const expected = expectedOf(playedCase, play.version);
  const measurer = await play.factory.open();
  const stage = new Stage(play.framework, play.version, measurer);
  const base = { family, name: playedCase.name, expected };
  try {
    await withDeadline(perform(playedCase, stage));
    const isRouteExact = play.hasRegister || playedCase.routeNeedsRegister?.includes(play.version) !== true;
    const records = expected.map(parseRecord);
    const observations = await measurer.observations();
    const isOwn = play.factory.name === 'keepwatch';
    const otherRoutes = isOwn ? [] : peersMaySay(family, playedCase.name);
    const verdict = judge(records, observations, measurer, { headersMs: stage.headersMs, otherRoutes });
    const faults = [
      ...wrongAnswers(stage, expected),
      ...(await measurer.faults(records, { isRouteExact, headersMs: stage.headersMs })),
    ];
    return {
      ...base,
      verdict,
      got: observations.map(describe),
      faults,
      isPassed: faults.length === 0 && (isOwn || isPassed(verdict)),
    };
  } catch (error) {
    return {
      ...base,
      verdict: {},
      got: [],
      faults: [error instanceof Error ? String(error.stack) : String(error)],
      isPassed: false,
    };
  } finally {
    await stage.close();
  }
}

async function perform(playedCase: ConformanceCase, stage: Stage): Promise<void> {
  const app = stage.express();
  if (playedCase.installs === undefined) stage.install(app);
  playedCase.routes(app, stage);
  const client = await stage.serve(playedCase.serve?.(app, stage) ?? createServer(app));
  await playedCase.drive(client, stage);
  await stage.settle();
}

/** A case that expects what its own app does not do is a fault of the case. */
function wrongAnswers({ seenStatuses }: Stage, expected: readonly string[]): string[] {
  if (seenStatuses.length === 0 || seenStatuses.length !== expected.length) return [];
  const saw = seenStatuses.map((status) => String(status ?? '-')).sort();
  const said = expected.map((text) => String(parseRecord(text).status ?? '-')).sort();
  return saw.join() === said.join() ? [] : [`the case: its client saw ${saw.join(', ')}, it expects ${said.join(', ')}`];
}

function describe({ method, route, status, mark, latencyMs }: Observation): string {
  return `${method ?? '-'} ${route ?? '-'} ${status ?? '-'}${mark === undefined ? '' : ` [${mark}]`} ${latencyMs.toFixed(1)}ms`;
}

async function withDeadline(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the case was not over after ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
