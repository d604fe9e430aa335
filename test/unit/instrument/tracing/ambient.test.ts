import assert from 'node:assert/strict';
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Ambient, createAmbient, HookedAmbient } from '../../../../src/instrument/tracing/ambient.ts';
import { collectGarbage } from '../../../support/tracked.ts';
import { waitFor } from '../../../support/wait-for.ts';

interface Store {
  readonly name: string;
}

/** Ways in which work goes on later. Each calls `look` when it does, and resolves after that. */
const ways: Record<string, (look: () => void) => Promise<unknown>> = {
  await: async (look) => {
    await Promise.resolve();
    look();
  },
  'a promise that was made before': async (look) => made.then(look),
  'a thenable': async (look) => {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tried
    await { then: (resolve: () => void) => setImmediate(resolve) };
    look();
  },
  'an async generator': async (look) => {
    async function* numbers() {
      yield 1;
      await Promise.resolve();
      look();
    }
    for await (const _ of numbers());
  },
  setTimeout: (look) => new Promise<void>((done) => setTimeout(() => done(look()), 1)),
  setInterval: (look) =>
    new Promise<void>((done) => {
      const timer = setInterval(() => {
        clearInterval(timer);
        done(look());
      }, 1);
    }),
  setImmediate: (look) => new Promise<void>((done) => setImmediate(() => done(look()))),
  nextTick: (look) => new Promise<void>((done) => process.nextTick(() => done(look()))),
  queueMicrotask: (look) => new Promise<void>((done) => queueMicrotask(() => done(look()))),
  'a thread of the pool': async (look) => {
    await promisify(gzip)('text');
    look();
  },
  'an emitter': async (look) => {
    const emitter = new EventEmitter();
    setImmediate(() => emitter.emit('done'));
    await once(emitter, 'done');
    look();
  },
  'a stream': async (look) => {
    for await (const _ of Readable.from(['a', 'b'])) look();
  },
  'AsyncResource.bind': async (look) => {
    const bound = AsyncResource.bind(look);
    await new Promise<void>((done) => bare(() => done(bound())));
  },
  'AsyncLocalStorage.bind': async (look) => {
    const bound = AsyncLocalStorage.bind(look);
    await new Promise<void>((done) => bare(() => done(bound())));
  },
};
const made = Promise.resolve();
const outside = new AsyncResource('outside');

/** Runs `work` where nothing is ambient. */
function bare(work: () => void): void {
  setImmediate(() => outside.runInAsyncScope(work));
}

/** Where contexts are V8's, hooks see nothing of `AsyncLocalStorage.bind`, and are not used. */
const isHooked = Number.parseInt(process.versions.node, 10) < 24;
const kinds: [string, () => Pick<Ambient<Store | undefined>, 'getStore' | 'run'>][] = [
  ['createAmbient()', () => createAmbient<Store | undefined>()],
  ...(isHooked
    ? [['HookedAmbient', () => new HookedAmbient<Store | undefined>()] as [string, () => Ambient<Store | undefined>]]
    : []),
  ['AsyncLocalStorage, for comparison', () => new AsyncLocalStorage<Store | undefined>()],
];

for (const [title, create] of kinds) {
  describe(title, () => {
    for (const [way, work] of Object.entries(ways)) {
      it(`keeps two that run at once apart over ${way}`, async () => {
        const ambient = create();
        const one = async (name: string) => {
          const seen: (string | undefined)[] = [];
          await ambient.run({ name }, () => work(() => seen.push(ambient.getStore()?.name)));
          assert.ok(seen.length > 0 && seen.every((each) => each === name), `${name} saw ${seen.join(', ')}`);
        };
        await Promise.all([one('first'), one('second')]);
        assert.equal(ambient.getStore(), undefined);
      });
    }

    it('nests, ends with an error, and passes on arguments and result', async () => {
      const ambient = create();
      const names = () => ambient.getStore()?.name;
      const result = ambient.run(
        { name: 'outer' },
        (a: number, b: number) => {
          assert.equal(ambient.run({ name: 'inner' }, names), 'inner');
          assert.throws(() =>
            ambient.run({ name: 'failing' }, () => {
              throw new Error('failed');
            }),
          );
          assert.equal(names(), 'outer');
          assert.equal(ambient.run(undefined, names), undefined);
          return a + b;
        },
        1,
        2,
      );
      assert.equal(result, 3);
      assert.equal(names(), undefined);
    });

    it('has no store in what began without one, also inside of work that has one', async () => {
      const ambient = create();
      const emitter = new EventEmitter();
      const resource = new AsyncResource('before');
      let seen: unknown = 'nothing';
      await ambient.run({ name: 'one' }, async () => {
        resource.runInAsyncScope(() => {
          seen = ambient.getStore();
        });
        emitter.emit('unheard');
        await Promise.resolve();
      });
      assert.equal(seen, undefined);
    });
  });
}

describe('What is ambient in resources that the app has frozen', () => {
  const names = (ambient: Ambient<Store | undefined>) => () => ambient.getStore()?.name;

  it('is kept, and work runs there', async () => {
    const ambient = createAmbient<Store | undefined>();
    const name = names(ambient);
    const frozen = Object.freeze(new (class extends AsyncResource {})('frozen'));
    const work = async (text: string) => [text, name(), await made, name()];
    const ran = frozen.runInAsyncScope(() => ambient.run({ name: 'one' }, work, 'x'));
    assert.deepEqual(await ran, ['x', 'one', undefined, 'one']);
    const applied = frozen.runInAsyncScope(() => ambient.apply({ name: 'two' }, work, undefined, ['y']));
    assert.deepEqual(await applied, ['y', 'two', undefined, 'two']);
    const promise: Promise<unknown> = Object.freeze(made.then(() => ambient.run({ name: 'three' }, name)));
    assert.equal(await promise, 'three');
  });

  it('may be frozen by the work itself', () => {
    const ambient = createAmbient<Store | undefined>();
    for (const run of ['run', 'apply'] as const) {
      const resource = new (class extends AsyncResource {})('freezing');
      const freeze = () => Object.isFrozen(Object.freeze(resource));
      const done = resource.runInAsyncScope(() =>
        run === 'run' ? ambient.run({ name: run }, freeze) : ambient.apply({ name: run }, freeze, undefined, []),
      );
      assert.equal(done, true);
    }
  });
});

describe('What is ambient, and then garbage', () => {
  const begin = () => new HookedAmbient<Store>().run({ name: 'one' }, () => new AsyncResource('begun'));

  it('costs what goes on nothing any more', async () => {
    const begun = begin();
    const isHandedOn = () =>
      begun.runInAsyncScope(() => {
        const marks = Object.getOwnPropertySymbols(new AsyncResource('next'));
        return marks.some(({ description }) => description === 'keepwatch.ambient');
      });
    assert.equal(isHandedOn(), true);
    await waitFor(async () => {
      await collectGarbage();
      return !isHandedOn();
    });
  });
});
