// The drain in a thread of its own, so that a catch-up of millions of events is nothing that the app's event loop notices. A thread that dies
// is started again by the next call: what was committed, the ledger knows. Where none can be started, the drain runs in this thread.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { AskReport, CloseRequest, Drain, DrainNews, DrainReport, DrainRequest, LookRequest } from './drain-messages.ts';
import type { Drainer } from './drainer.ts';
import { type DrainSettings, type OpenDrainer, openDrainer } from './open-drainer.ts';

type DrainMethod = Exclude<keyof Drain, 'terminate'>;

/** From this thread to the other one. */
export interface DrainCall {
  readonly id: number;
  readonly method: DrainMethod;
  readonly request: unknown;
}

/** From the other thread to this one. */
export type DrainMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly reason: string }
  | { readonly kind: 'news'; readonly news: DrainNews }
  | { readonly kind: 'log'; readonly level: keyof Logger; readonly fields: object; readonly text: string };

export interface DrainThreadOptions {
  readonly settings: DrainSettings;
  readonly tell: (news: DrainNews) => void;
  readonly logger: Logger;
  /** No thread is wanted. */
  readonly isHere?: boolean;
  /** The program of the thread; default: ours. */
  readonly program?: URL;
}

interface Pending extends Pick<DrainCall, 'method' | 'request'> {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class DrainThread implements Drain {
  readonly #options: DrainThreadOptions;
  readonly #program: URL;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  /** One has been heard of. */
  #isReady = false;
  #here: OpenDrainer | undefined;
  #lastId = 0;
  #isStopped = false;

  constructor(options: DrainThreadOptions) {
    this.#options = options;
    this.#program = options.program ?? ownProgram();
  }

  ask(request: DrainRequest): Promise<AskReport> {
    return this.#call('ask', request) as Promise<AskReport>;
  }

  drain(request: DrainRequest): Promise<DrainReport> {
    return this.#call('drain', request) as Promise<DrainReport>;
  }

  drainRetired(request: DrainRequest): Promise<DrainReport> {
    return this.#call('drainRetired', request) as Promise<DrainReport>;
  }

  async close(request: CloseRequest): Promise<void> {
    await this.#call('close', request);
  }

  async lookAfter(request: LookRequest): Promise<void> {
    await this.#call('lookAfter', request);
  }

  async stop(): Promise<void> {
    if (this.#worker !== undefined || this.#here !== undefined) await this.#call('stop', undefined);
    this.#isStopped = true;
  }

  async terminate(): Promise<void> {
    this.#isStopped = true;
    const worker = this.#worker;
    this.#worker = undefined;
    this.#rejectAll('the drain was stopped');
    await worker?.terminate();
    await this.#here?.close();
  }

  /** Calls of a running drain keep the process alive, the thread itself does not. */
  async #call(method: DrainMethod, request: unknown): Promise<unknown> {
    if (this.#isStopped) throw new Error('the drain was stopped');
    this.#start();
    if (this.#here !== undefined) return await callDrainer(this.#here.drainer, method, request);
    const id = ++this.#lastId;
    return await new Promise((resolve, reject) => {
      this.#pending.set(id, { method, request, resolve, reject });
      this.#holdOn();
      this.#worker?.postMessage({ id, method, request } satisfies DrainCall);
    });
  }

  #start(): void {
    if (this.#worker !== undefined || this.#here !== undefined) return;
    const { settings, tell, logger, isHere = false } = this.#options;
    if (isHere) {
      this.#here = openDrainer(settings, { tell, logger });
      return;
    }
    if (this.#program.protocol === 'file:' && !existsSync(fileURLToPath(this.#program))) {
      this.#stayHere('its program is not beside this one (was the code bundled?)');
      return;
    }
    try {
      const execArgv = execArgvOf(this.#program);
      const worker = new Worker(this.#program, { workerData: settings, execArgv, name: 'keepwatch drain' });
      this.#worker = worker;
      worker.on('message', (message: DrainMessage) => this.#hear(message));
      worker.on('error', (error) => this.#lose(worker, describeError(error)));
      worker.on('exit', (code) => this.#lose(worker, `it ended with code ${code}`));
      worker.unref();
    } catch (error) {
      this.#stayHere(describeError(error));
    }
  }

  #hear(message: DrainMessage): void {
    const { tell, logger } = this.#options;
    this.#isReady = true;
    if (message.kind === 'news') tell(message.news);
    else if (message.kind === 'log') logger[message.level](message.fields, message.text);
    else if (message.kind !== 'ready') {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      this.#holdOn();
      if (message.kind === 'answer') pending?.resolve(message.result);
      else pending?.reject(new Error(message.reason));
    }
  }

  /** It is gone; the next call starts another one. One that has never said a word would not do so the next time either. */
  #lose(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const { logger } = this.#options;
    if (this.#isStopped) return;
    if (this.#isReady) {
      logger.error({ reason }, 'the thread of the drain has ended; another one is started');
      this.#rejectAll(`the thread of the drain has ended: ${reason}`);
      return;
    }
    const { drainer } = this.#stayHere(reason);
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { method, request, resolve, reject } of all) callDrainer(drainer, method, request).then(resolve, reject);
  }

  #stayHere(reason: string): OpenDrainer {
    const { settings, tell, logger } = this.#options;
    logger.warn({ reason }, 'the drain cannot have a thread of its own, and runs in that of the app');
    this.#here = openDrainer(settings, { tell, logger });
    return this.#here;
  }

  #rejectAll(reason: string): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(new Error(reason));
  }

  #holdOn(): void {
    if (this.#pending.size > 0) this.#worker?.ref();
    else this.#worker?.unref();
  }
}

/** Which request goes with which method is known where the call is made. */
export async function callDrainer(drainer: Drainer, method: DrainMethod, request: unknown): Promise<unknown> {
  return await (drainer[method] as (given: unknown) => Promise<unknown>).call(drainer, request);
}

/** The loaders and hooks of an app are not for this thread. Where sources run as they stand, tsx is; on Node 20 it does not come by itself. */
function execArgvOf(program: URL): string[] {
  if (!program.pathname.endsWith('.ts')) return [];
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const register = `import { register } from ${JSON.stringify(new URL('./dist/esm/api/index.mjs', tsx).href)}; register();`;
  return ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
}

function ownProgram(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './drain-worker.ts' : './drain-worker.js', import.meta.url);
}
