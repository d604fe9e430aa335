// What is ambient in asynchronous code: an AsyncLocalStorage where Node keeps it in V8 (24 and later), else a leaner equal.
import { type AsyncHook, AsyncLocalStorage, AsyncResource, createHook, executionAsyncResource } from 'node:async_hooks';

/** The part of AsyncLocalStorage that is needed. */
export interface Ambient<T> {
  getStore(): T | undefined;
  run<Args extends unknown[], R>(store: T, work: (...args: Args) => R, ...args: Args): R;
  /** `run` for a function whose arguments stand in an array already: to spread them costs as much as all else. */
  apply(store: T, fn: (...args: never[]) => unknown, self: unknown, args: unknown[]): unknown;
}

const HAS_CONTEXT_FRAMES = Number(process.versions.node.split('.')[0]) >= 24;

export function createAmbient<T extends object | undefined>(): Ambient<T> {
  return HAS_CONTEXT_FRAMES ? new StoredAmbient<T>() : new HookedAmbient<T>();
}

class StoredAmbient<T> implements Ambient<T> {
  readonly #storage = new AsyncLocalStorage<T>();

  getStore(): T | undefined {
    return this.#storage.getStore();
  }

  run<Args extends unknown[], R>(store: T, work: (...args: Args) => R, ...args: Args): R {
    return this.#storage.run(store, work, ...args);
  }

  apply(store: T, fn: (...args: never[]) => unknown, self: unknown, args: unknown[]): unknown {
    return this.#storage.run(
      store,
      Reflect.apply<unknown, unknown[], unknown>,
      fn as (...args: unknown[]) => unknown,
      self,
      args,
    );
  }
}

type Resource = Record<symbol, unknown>;

/**
 * As AsyncLocalStorage of Node 20 and 22: the store is a property of the asynchronous resource that runs, and is handed on to each that is
 * made. That one writes it to every resource of the process from one place in its code, which sees resources of all shapes: 5-10 us per
 * Express request. Here what runs outside of any store is left alone, and the shapes that come by the dozen have places of their own: 1-3 us.
 */
export class HookedAmbient<T extends object | undefined> implements Ambient<T> {
  /** Without it every promise of the process would pay for each tracker that ever was, also for those that are garbage. */
  static readonly #hooks = new FinalizationRegistry<AsyncHook>((hook) => hook.disable());
  readonly #key = Symbol('keepwatch.ambient');
  #isEnabled = false;

  getStore(): T | undefined {
    return this.#isEnabled ? ((executionAsyncResource() as Resource)[this.#key] as T | undefined) : undefined;
  }

  run<Args extends unknown[], R>(store: T, work: (...args: Args) => R, ...args: Args): R {
    if (!this.#isEnabled) this.#enable();
    const key = this.#key;
    const resource = executionAsyncResource() as Resource;
    const before = resource[key];
    if (!assign(resource, key, store)) return this.#runApart(store, work, args);
    try {
      return work(...args);
    } finally {
      assign(resource, key, before);
    }
  }

  apply(store: T, fn: (...args: never[]) => unknown, self: unknown, args: unknown[]): unknown {
    if (!this.#isEnabled) this.#enable();
    const key = this.#key;
    const resource = executionAsyncResource() as Resource;
    const before = resource[key];
    if (!assign(resource, key, store)) return this.#runApart(store, () => Reflect.apply(fn, self, args) as unknown, []);
    try {
      return Reflect.apply(fn, self, args);
    } finally {
      assign(resource, key, before);
    }
  }

  /** The app has frozen the resource that runs (a promise, a subclass of AsyncResource). */
  #runApart<Args extends unknown[], R>(store: T, work: (...args: Args) => R, args: Args): R {
    const resource = new AsyncResource('keepwatch');
    assign(resource as unknown as Resource, this.#key, store);
    return resource.runInAsyncScope(work, undefined, ...args);
  }

  #enable(): void {
    this.#isEnabled = true;
    const key = this.#key;
    const hook = createHook({
      init(_id: number, type: string, _trigger: number, made: object) {
        const store = (executionAsyncResource() as Resource)[key];
        const resource = made as Resource;
        if (store === undefined) {
          // A resource that is used again keeps nothing of its last use.
          if (resource[key] !== undefined) resource[key] = undefined;
        } else if (type === 'TickObject') {
          resource[key] = store;
        } else if (type === 'PROMISE') {
          resource[key] = store;
        } else {
          resource[key] = store;
        }
      },
    });
    HookedAmbient.#hooks.register(this, hook.enable());
  }
}

/** @returns false when the resource takes no property */
function assign(resource: Resource, key: symbol, store: unknown): boolean {
  try {
    resource[key] = store;
    return true;
  } catch {
    return false;
  }
}
