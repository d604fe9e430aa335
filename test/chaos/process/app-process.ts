// A running `process/app.ts`, seen from the campaign: what it has said becomes evidence.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { LIBRARY } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Evidence, logsOf } from '../evidence.ts';

const PROGRAM = fileURLToPath(new URL('app.ts', import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const START_MS = 60_000;

interface Said {
  readonly ready?: boolean;
  readonly recorded?: number;
  readonly waiting?: number;
  /** Log lines. */
  readonly logged?: number;
  readonly safe?: number;
  readonly safeLines?: number;
  readonly reasons?: readonly string[];
  readonly ended?: boolean;
  readonly stray?: string;
  readonly longestBlockMs?: number;
  readonly recordP99Us?: number;
}

export interface AppProcessOptions {
  readonly name: string;
  readonly evidence: Evidence;
  readonly env: NodeJS.ProcessEnv;
  /** In a pid namespace of its own, as in a container. Needs root. */
  readonly isIsolated?: boolean;
}

const UNSHARE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'] as const;

export class AppProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #evidence: Evidence;
  readonly #exited: Promise<number | string>;
  readonly #strays: string[] = [];
  #stderr = '';
  #last: Said = {};
  #heardMs = performance.now();
  #isReady = false;
  readonly #isIsolated: boolean;

  constructor({ name, evidence, env, isIsolated = false }: AppProcessOptions) {
    this.name = name;
    this.#isIsolated = isIsolated;
    this.#evidence = evidence;
    evidence.of(name);
    evidence.of(logsOf(name));
    const [command, ...args] = [...(isIsolated ? UNSHARE : []), process.execPath, '--import', TSX, PROGRAM, name, LIBRARY];
    this.#child = spawn(command ?? '', args, {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], KEEPWATCH_INSTANCE: name, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true, // Ctrl-C is for the campaign: it ends its apps in order
    });
    this.#exited = new Promise((done) => this.#child.once('close', (code, signal) => done(code ?? signal ?? 'unknown')));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4000);
    });
    this.#child.stdin?.on('error', () => {}); // it may be dead already
    if (this.#child.stdout !== null) createInterface(this.#child.stdout).on('line', (line) => this.#hear(line));
  }

  async ready(): Promise<void> {
    const isReady = () => this.#isReady || this.#child.exitCode !== null;
    await waitFor(isReady, { timeoutMs: START_MS, what: `${this.name} to start: ${this.#stderr}` });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Nothing of it waits any more. Only after `quiet` this stays true. */
  get isDrained(): boolean {
    const { safe, recorded, safeLines, logged, waiting } = this.#last;
    return safe !== undefined && safe === recorded && safeLines === logged && waiting === 0;
  }

  /** What was said last, for people. */
  get state(): string {
    const silentMs = Math.round(performance.now() - this.#heardMs);
    return `${JSON.stringify(this.#last)}, ${silentMs} ms ago; ${this.#stderr.split('\n').slice(-4).join(' ')}`;
  }

  /** What must never happen in an app: rejections that nobody caught, calls that failed, an exit. */
  get strays(): readonly string[] {
    return this.#strays;
  }

  get longestBlockMs(): number {
    return this.#last.longestBlockMs ?? 0;
  }

  get recordP99Us(): number {
    return this.#last.recordP99Us ?? 0;
  }

  tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#isIsolated) process.kill(this.#innerPid(), signal);
    else this.#child.kill(signal);
  }

  /** Kills it with -9, and waits for its end. */
  async kill(): Promise<void> {
    for (const each of [this.name, logsOf(this.name)]) this.#evidence.of(each).isKilled = true;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Asks it to stop, and waits for its end. */
  async stop(): Promise<void> {
    this.tell('stop');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 30_000);
    const code = await this.#exited;
    clearTimeout(timer);
    if (code !== 0 || this.#last.ended !== true) this.#strays.push(`it ended with ${code}: ${this.state}`);
  }

  #hear(line: string): void {
    let said: Said;
    try {
      said = JSON.parse(line) as Said;
    } catch {
      return; // torn by a kill
    }
    if (said.stray !== undefined) this.#strays.push(`${this.name}: ${said.stray}`);
    if (said.ready === true) this.#isReady = true;
    if (said.recorded === undefined) return;
    this.#last = said;
    this.#heardMs = performance.now();
    this.#evidence.of(this.name).recorded = said.recorded;
    // What it said before it died counts: pipes are read to their end.
    if (said.safe !== undefined) this.#evidence.markSafeUntil(this.name, said.safe);
    if (said.logged !== undefined) this.#evidence.of(logsOf(this.name)).recorded = said.logged;
    if (said.safeLines !== undefined) this.#evidence.markSafeUntil(logsOf(this.name), said.safeLines);
  }

  /** The app itself, a child of what has made its namespace. */
  #innerPid(): number {
    const { pid } = this.#child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  }
}
