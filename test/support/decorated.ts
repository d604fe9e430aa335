// A class with tracked methods of every kind, written as both kinds of decorators allow: a test loads it as it is and as tsc makes it.
import type { ObservabilityTracker } from '../../src/instrument/tracker.ts';

type Tracker = Pick<ObservabilityTracker, 'tracked'>;

const hidden = Symbol('hidden');

/** Another decorator's mark, made as NestJS makes its own: on the function. */
function mark(key: string): (target: object, context: unknown, descriptor?: PropertyDescriptor) => void {
  return (target, _context, descriptor) => {
    const method = (descriptor?.value ?? target) as object;
    (Reflect as { defineMetadata?(key: unknown, value: unknown, target: object): void }).defineMetadata?.(key, 'marked', method);
  };
}

export function defineCrm(tracker: Tracker) {
  class Crm {
    readonly #posts = ['a', 'b'];

    @tracker.tracked({ type: 'connector' })
    static create(): Crm {
      return new Crm();
    }

    @tracker.tracked({ type: 'connector' })
    count(this: Crm, factor = 1): number {
      return this.#posts.length * factor;
    }

    @mark('above')
    @tracker.tracked({ type: 'connector', name: 'get_posts' })
    @mark('below')
    async posts(prefix: string): Promise<string[]> {
      return this.#posts.map((post) => prefix + post);
    }

    @tracker.tracked({ type: 'connector' })
    *each(): Generator<string> {
      yield* this.#posts;
    }

    @tracker.tracked({ type: 'connector' })
    async *stream(): AsyncGenerator<string> {
      yield* this.#posts;
    }

    @tracker.tracked({ type: 'connector' })
    [hidden](): string {
      return 'hidden';
    }

    hidden(): string {
      return this[hidden]();
    }
  }
  class Derived extends Crm {
    override count(factor?: number): number {
      return super.count(factor) + 1;
    }
  }
  return { Crm, Derived };
}
