// The child processes of a run: started on a core of their own where that can be asked for, called over IPC, ended together.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Answer, Methods } from './child-side.ts';

const TASKSET = ['/usr/bin/taskset', '/bin/taskset'].find((path) => existsSync(path));

/** Whether children can be kept on cores of their own: Linux with taskset, and two cores. */
export const CAN_PIN = TASKSET !== undefined && availableParallelism() >= 2;

/** A running child. */
export interface Child<M extends Methods> {
  /** @throws what the method threw, or that the child has ended */
  call<K extends keyof M & string>(method: K, ...argument: Parameters<M[K]>): Promise<Awaited<ReturnType<M[K]>>>;
  stop(): Promise<void>;
}

/** All children of a run. */
export class Children {
  readonly #code: string;
  readonly #folder: string;
  readonly #running = new Map<ChildProcess, string>();

  /**
   * @param code where the compiled benchmark stands
   * @param folder their working folder, for files that may go when the run ends
   */
  constructor(code: string, folder: string) {
    this.#code = code;
    this.#folder = folder;
  }

  /**
   * Starts a module of the benchmark as a process with an empty environment.
   * @param module path below bench/, with extension .ts
   * @param options.core the core to stay on; ignored where cores cannot be chosen
   */
  start<M extends Methods>(module: string, options: { core?: number } = {}): Child<M> {
    const file = join(this.#code, 'bench', module.replace(/\.ts$/, '.js'));
    const pin = CAN_PIN && TASKSET !== undefined && options.core !== undefined ? [TASKSET, '-c', String(options.core)] : [];
    const child = spawn('/usr/bin/env', [...pin, process.execPath, file], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true, // Ctrl-C is for the parent: it ends its children in order
      cwd: this.#folder,
      env: { NODE_ENV: 'production' },
    });
    this.#running.set(child, module);
    child.once('exit', () => this.#running.delete(child));
    return { call: createCall(child, module), stop: () => stopChild(child) };
  }

  /** Ends all that still run. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map(stopChild));
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function createCall<M extends Methods>(child: ChildProcess, name: string): Child<M>['call'] {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  const fail = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  child.on('error', fail);
  child.on('exit', (code, signal) => fail(new Error(`${name} has ended (${signal ?? code})`)));
  child.on('message', (answer: Answer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) call?.reject(new Error(`${name}: ${answer.error}`));
    else call?.resolve(answer.result as never);
  });
  return (method, ...[argument]) =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      child.send({ id, method, argument }, (error) => {
        if (error !== null) reject(error);
      });
    });
}
