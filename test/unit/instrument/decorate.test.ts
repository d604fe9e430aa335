import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import * as decorated from '../../support/decorated.ts';
import * as decoratedPrivate from '../../support/decorated-private.ts';
import { Tracked } from '../../support/tracked.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Compiles a file as a user's tsc would, and loads what it made. */
async function compile<T>(file: string, flags: readonly string[], folder: string): Promise<T> {
  const options = [
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--rewriteRelativeImportExtensions',
    '--skipLibCheck',
    '--strict',
  ];
  const lib = ['--lib', 'es2023,esnext.disposable,esnext.decorators', '--types', 'node', '--ignoreConfig', '--rootDir', root];
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const tsc = join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, [...options, ...lib, ...flags, '--outDir', folder, join(root, file)], { cwd: root });
  return (await import(pathToFileURL(join(folder, file.replace(/\.ts$/, '.js'))).href)) as T;
}

/** In place of the package reflect-metadata, for as long as `work` takes. */
async function withReflectMetadata(work: () => Promise<void>): Promise<void> {
  const marks = new WeakMap<object, Map<unknown, unknown>>();
  const metadata = {
    defineMetadata: (key: unknown, value: unknown, target: object) =>
      marks.set(target, new Map([...(marks.get(target) ?? []), [key, value]])),
    getOwnMetadata: (key: unknown, target: object) => marks.get(target)?.get(key),
    getOwnMetadataKeys: (target: object) => [...(marks.get(target)?.keys() ?? [])],
  };
  Object.assign(Reflect, metadata);
  try {
    await work();
  } finally {
    for (const key of Object.keys(metadata)) Reflect.deleteProperty(Reflect, key);
  }
}

async function check({ defineCrm }: typeof decorated): Promise<void> {
  await withReflectMetadata(async () => {
    const tracked = new Tracked();
    const { Crm, Derived } = defineCrm(tracked.tracker);
    const crm = Crm.create();
    assert.ok(crm instanceof Crm);
    assert.deepEqual([crm.count(), crm.count(2), new Derived().count(3)], [2, 4, 7]);
    assert.deepEqual(await crm.posts('x'), ['xa', 'xb']);
    assert.deepEqual([...crm.each()], ['a', 'b']);
    for await (const _ of crm.stream()) break;
    assert.equal(crm.hidden(), 'hidden');
    assert.deepEqual(
      tracked.events().map(({ name, status, metadata }) => [name, status, metadata['item_count']]),
      [
        ['create', 'success', undefined],
        ...Array.from({ length: 3 }, () => ['count', 'success', undefined]),
        ['get_posts', 'success', undefined],
        ['each', 'success', 2],
        ['stream', 'aborted', 1],
        ['Symbol(hidden)', 'success', undefined],
      ],
    );
    assert.deepEqual([Crm.prototype.posts.name, Crm.prototype.posts.length, Object.keys(Crm.prototype)], ['posts', 1, []]);
    const { getOwnMetadataKeys } = Reflect as unknown as { getOwnMetadataKeys(target: object): unknown[] };
    assert.deepEqual(new Set(getOwnMetadataKeys(Crm.prototype.posts)), new Set(['above', 'below']));
  });
}

async function checkPrivate({ defineVault }: typeof decoratedPrivate): Promise<void> {
  const tracked = new Tracked();
  const Vault = defineVault(tracked.tracker);
  assert.deepEqual([new Vault().open(), await Vault.find()], ['gold', 'found']);
  assert.deepEqual(
    tracked.events().map(({ name }) => name),
    ['#unlock', '#find'],
  );
}

describe('The decorator `tracked`', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keepwatch-decorated-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('measures methods of every kind under tsx', async () => {
    await check(decorated);
    await checkPrivate(decoratedPrivate);
  });

  it('measures methods of every kind as tsc compiles them', async function () {
    this.timeout(60_000);
    await check(await compile('test/support/decorated.ts', [], folder));
    await checkPrivate(await compile('test/support/decorated-private.ts', [], folder));
  });

  it('measures methods with experimentalDecorators, and keeps what other decorators said of them', async function () {
    this.timeout(60_000);
    await check(await compile('test/support/decorated.ts', ['--experimentalDecorators'], folder));
  });

  it('refuses all else, and says what it got', () => {
    const tracked = new Tracked();
    const decorator = tracked.tracker.tracked({ type: 'tool' }) as (...args: unknown[]) => unknown;
    const getter = Object.getOwnPropertyDescriptor(
      {
        get size() {
          return 1;
        },
      },
      'size',
    );
    const refused: [unknown[], string][] = [
      [[() => 1, { kind: 'getter', name: 'size' }], 'a getter named size'],
      [[undefined, { kind: 'field', name: 'items' }], 'a field named items'],
      [[class {}, { kind: 'class', name: 'Crm' }], 'a class named Crm'],
      [[{}, 'size', getter], 'an accessor named size'],
      [[{}, 'items'], 'a field named items'],
      [[{}, 'find', 0], 'a parameter of find'],
      [[class {}], 'a class'],
      [[], 'nothing to decorate'],
    ];
    for (const [args, got] of refused) {
      assert.throws(() => decorator(...args), new TypeError(`tracked: got ${got}; allowed: methods`));
    }
  });

  it('leaves a method alone when its options cannot be read', () => {
    const tracked = new Tracked();
    const hostile = new Proxy({}, { get: () => assert.fail(), ownKeys: () => assert.fail() });
    const decorator = tracked.tracker.tracked(hostile as Parameters<ObservabilityTracker['tracked']>[0]);
    const method = () => 1;
    assert.equal(decorator(method, { kind: 'method', name: 'm' })(), 1);
  });
});
