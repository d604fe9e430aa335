// Runs the cases in child processes, one for each version of Express and measurer, and collects what they say.
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EXPRESS_VERSIONS, type ExpressVersion } from './conformance-case.ts';
import type { MeasurerName } from './measurer.ts';
import type { CaseResult } from './run-case.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const REGISTER = new URL('../../src/register.ts', import.meta.url);

/** One child: a measurer on a version of Express; Keepwatch also with `keepwatch/register`. */
export interface Run {
  readonly measurer: MeasurerName;
  readonly express: ExpressVersion;
  readonly hasRegister: boolean;
}

export interface RunResult extends Run {
  readonly results: readonly CaseResult[];
  /** What the child said when it ended before its time. */
  readonly failure: string | undefined;
}

export interface SuiteOptions {
  readonly measurers: readonly MeasurerName[];
  readonly versions?: readonly ExpressVersion[];
  /** Part of `family: name`, in any case; default: all. */
  readonly only?: string;
  /** Children at once; default 2. */
  readonly width?: number;
  readonly onResult?: (run: Run, result: CaseResult) => void;
}

export async function runSuite({
  measurers,
  versions = EXPRESS_VERSIONS,
  only = '',
  width = 2,
  onResult = () => {},
}: SuiteOptions): Promise<RunResult[]> {
  const runs = measurers.flatMap((measurer) =>
    versions.flatMap((express) =>
      (measurer === 'keepwatch' && existsSync(REGISTER) ? [true, false] : [false]).map((hasRegister) => ({
        measurer,
        express,
        hasRegister,
      })),
    ),
  );
  const results: RunResult[] = [];
  const waiting = [...runs.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, run] = next;
      results[index] = await runChild(run, only, onResult);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}

/** The title of a run in tables and lists. */
export function titleOf({ measurer, express, hasRegister }: Run): string {
  return `${measurer}${hasRegister ? ' with register' : ''} on Express ${express}`;
}

async function runChild(run: Run, only: string, onResult: NonNullable<SuiteOptions['onResult']>): Promise<RunResult> {
  const results: CaseResult[] = [];
  const imports = ['--import', 'tsx', ...(run.hasRegister ? ['--import', REGISTER.href] : [])];
  const child = fork(
    CHILD,
    ['--express', run.express, '--measurer', run.measurer, '--only', only, ...(run.hasRegister ? ['--register'] : [])],
    {
      execArgv: imports,
      env: { ...process.env, NODE_ENV: 'test' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-4000);
    });
  }
  child.on('message', (result: CaseResult) => {
    results.push(result);
    onResult(run, result);
  });
  const code = await new Promise<number | string>((resolve) => {
    child.once('close', (exitCode, signal) => resolve(exitCode ?? String(signal)));
  });
  return { ...run, results, failure: code === 0 ? undefined : `${titleOf(run)} ended with ${code}: ${said}` };
}
