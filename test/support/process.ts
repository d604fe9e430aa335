// Child processes of tests: started, watched by what they print, ended by their own id.
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export interface RunningProcess {
  readonly pid: number;
  /** Everything printed so far, stdout and stderr as they came. */
  output(): string;
  /** Resolves with the first match of `pattern` in the output; rejects when the process ends before. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends the signal, and resolves with exit code or signal name once the process has ended. */
  end(signal?: NodeJS.Signals, timeoutMs?: number): Promise<number | string>;
  /** Exit code or signal name, once ended. */
  readonly exited: Promise<number | string>;
}

/** Starts a program with only the environment given, PATH and HOME beside. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number; gid?: number } = {},
): RunningProcess {
  const { env, ...rest } = options;
  const child: ChildProcess = spawn(command, args, {
    ...rest,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const listeners = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    text += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const exited = new Promise<number | string>((done) => child.once('close', (code, signal) => done(code ?? signal ?? 'unknown')));
  child.once('error', (error) => hear(Buffer.from(`${error.message}\n`)));

  return {
    pid: child.pid ?? 0,
    exited,
    output: () => text,
    printed: (pattern, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const settle = (work: () => void) => {
          listeners.delete(look);
          clearTimeout(timer);
          work();
        };
        const look = () => {
          const match = pattern.exec(text);
          if (match !== null) settle(() => resolve(match));
        };
        const fail = (why: string) =>
          settle(() => reject(new Error(`${why} before it printed ${pattern}; it printed:\n${text.slice(-4000)}`)));
        const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
        listeners.add(look);
        void exited.then((code) => fail(`the process ended with ${code}`));
        look();
      }),
    async end(signal = 'SIGTERM', timeoutMs = 30_000) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
  };
}

const ROOT = new URL('../../', import.meta.url).pathname;
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Runs a TypeScript program of this repository, named from its root. */
export function startProgram(
  path: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): RunningProcess {
  return startProcess(process.execPath, ['--import', TSX, ROOT + path, ...args], options);
}

/** Whoever sets it has just built what is in dist/. Sources, with tsx, take a second more of CPU for each start. */
const IS_BUILT = process.env['TEST_BUILT'] === '1';

/** What Node is given to run `keepwatch`. */
export const KEEPWATCH: readonly string[] = IS_BUILT
  ? [`${ROOT}dist/src/cli/main.js`]
  : ['--import', TSX, `${ROOT}src/cli/main.ts`];

/** What a program imports that Node runs with tsx. */
export const LIBRARY = pathToFileURL(ROOT + (IS_BUILT ? 'dist/src/index.js' : 'src/index.ts')).href;

/** `keepwatch` for a shell: its arguments follow. */
export const KEEPWATCH_IN_SHELL = [process.execPath, ...KEEPWATCH].map((part) => `'${part}'`).join(' ');

/** Runs `keepwatch <args>`. */
export function startKeepwatch(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): RunningProcess {
  return startProcess(process.execPath, [...KEEPWATCH, ...args], options);
}
