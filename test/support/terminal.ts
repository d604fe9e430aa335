// The command on a terminal of its own, by `script` of util-linux: what it asks, draws, and hears. Pending where that is not installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Context } from 'mocha';
import { KEEPWATCH_IN_SHELL } from './process.ts';
import { waitFor } from './wait-for.ts';

export interface TerminalProcess {
  /** Everything that the terminal showed, control sequences too. */
  output(): string;
  /** Resolves when the pattern is shown. */
  printed(pattern: RegExp): Promise<void>;
  type(text: string): void;
  readonly exited: Promise<number | string>;
}

const ROOT = new URL('../../', import.meta.url).pathname;

/** @param options.cwd default: the root of this repository */
export function startOnTerminal(
  test: Context,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  options: { cwd?: string } = {},
): TerminalProcess {
  if (spawnSync('script', ['--version']).status !== 0) test.skip();
  const quoted = [KEEPWATCH_IN_SHELL, ...args.map((arg) => `'${arg}'`)].join(' ');
  const child: ChildProcess = spawn('script', ['--quiet', '--return', '--command', quoted, '/dev/null'], {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const exited = new Promise<number | string>((done) => child.once('close', (code, signal) => done(code ?? signal ?? 'unknown')));
  return {
    output: () => text,
    printed: async (pattern) => {
      await waitFor(() => pattern.test(text), { timeoutMs: 20_000, what: `${pattern} on the terminal` }).catch(
        (error: unknown) => {
          throw new Error(`it showed:\n${text.slice(-2000)}`, { cause: error });
        },
      );
    },
    type: (typed) => child.stdin?.write(typed),
    exited,
  };
}
