// A process that dies at a named point: a statement, or the sending of a message, is done, and nothing comes after it.
import type { Database } from '../../src/db/database.ts';

/** Thrown in place of what would have come after the death of the process. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** Counts what is awaited, and dies at one of them. */
export class KillPoint {
  /** What was awaited, in order: names of statements, and `send`. */
  readonly seen: string[] = [];
  readonly #at: number;
  #isDead = false;

  /** @param at which await; 0: none */
  constructor(at = 0) {
    this.#at = at;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** @throws Killed at the point, and ever after */
  async pass<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#refuseDead();
    this.seen.push(name);
    const isHere = this.seen.length === this.#at;
    const result = await work();
    if (isHere) this.#isDead = true;
    this.#refuseDead();
    return result;
  }

  #refuseDead(): void {
    if (this.#isDead) throw new Killed();
  }
}

const QUERIES = new Set(['none', 'one', 'oneOrNone', 'any', 'result', 'multi']);

/** The same database, where every statement is a point to die at: its connection is gone then, and what was open is rolled back by Postgres. */
export function killable(database: Database, point: KillPoint): Database {
  return wrap(database, point);
}

function wrap<T extends object>(target: T, point: KillPoint): T {
  return new Proxy(target, {
    get(of, key) {
      const value: unknown = Reflect.get(of, key);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      const method = value.bind(of) as (...given: unknown[]) => Promise<object>;
      if (QUERIES.has(key)) return (...given: unknown[]) => point.pass(nameOf(given[0]), () => method(...given));
      if (key === 'connect') return (...given: unknown[]) => method(...given).then((connection) => wrap(connection, point));
      return method;
    },
  });
}

/** The file of a statement, or its first words. */
function nameOf(statement: unknown): string {
  const { file } = statement as { readonly file?: string };
  return file?.split('/').at(-1) ?? String(statement).trim().slice(0, 30);
}
