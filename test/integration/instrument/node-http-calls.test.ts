// What servers get with calls of node:http and node:https, in a process with `keepwatch/register` and in one without it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const PROGRAM = new URL('./programs/node-http-calls.ts', import.meta.url).pathname;
const REGISTER = ['--import', new URL('../../../src/register.ts', import.meta.url).pathname];
const [MAJOR = 0, MINOR = 0] = process.versions.node.split('.').map(Number);
const IS_PUBLISHED_BY_NODE = MAJOR > 23 || (MAJOR === 23 && MINOR >= 2) || (MAJOR === 22 && MINOR >= 12);

type Results = Record<string, unknown>;

function run(imports: string[], ...args: string[]): Results {
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...imports, PROGRAM, ...args], {
    encoding: 'utf8',
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    timeout: 60_000,
  });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Results;
}

/** What is seen where requests are published, by Node or by `keepwatch/register`. */
const published: Results = {
  'import { request }, plain': ['parent', 'parent', 'parent'],
  'import { request }, secure': ['parent', 'parent', 'parent'],
  'import http, plain': ['parent', 'parent', 'parent'],
  'import http, secure': ['parent', 'parent', 'parent'],
  'require, plain': ['parent', 'parent', 'parent'],
  'require, secure': ['parent', 'parent', 'parent'],
  'forms of get': ['parent', 'parent', 'parent', 'parent', 'parent', 'parent'],
  'a keep-alive agent': ['parent', 'parent', 'parent'],
  'hosts: all': ['parent'],
  'hosts: this one': ['parent'],
  'two trackers': ['parent'],
  'messages of two requests': 2,
  'beside a subscriber that fails': ['parent'],
  uncaught: ['a subscriber failed'],
};
const unpublished: Results = {
  ...Object.fromEntries(
    Object.entries(published).map(([title, seen]) => [title, Array.isArray(seen) ? seen.map(() => 'none') : 0]),
  ),
  uncaught: [],
};
/** What is the same in any case. */
const always: Results = {
  'sockets that were used again': [false, false, true],
  'a traceparent of the app': [`00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`],
  'headers as an array, and sent ones': ['none', 'none'],
  'by hand': ['parent'],
  'hosts: none': ['none'],
  'hosts: another': ['none'],
  'tracing is off': ['none'],
  disabled: ['none'],
  'before start, outside, after stop': [[], [], []],
  'endings of aborts': ['ABORT_ERR', 'ABORT_ERR', 'ECONNRESET'],
  'headers beside OpenTelemetry': [true],
};
/** What has to be as without registering, whatever that is. */
const NATIVE = ['what they throw', 'descriptions', 'own names', 'aborts', 'errors'];

const pick = (results: Results, titles: string[]) => Object.fromEntries(titles.map((title) => [title, results[title]]));

describe('calls of node:http and node:https', function () {
  this.timeout(60_000);
  let unregistered: Results;
  before(() => {
    unregistered = run([]);
  });

  function expectPublished(results: Results): void {
    assert.deepEqual(results, { ...published, ...always, ...pick(unregistered, NATIVE) });
  }

  it('carry the execution as the parent where keepwatch/register was imported, and are as without it in all else', () => {
    expectPublished(run(REGISTER));
  });

  it('are told of once where two copies of the package were registered, and after node:http was loaded', () => {
    expectPublished(run([], 'late'));
  });

  it('without keepwatch/register: carry it where Node tells of them, else by hand alone', () => {
    assert.deepEqual(unregistered, {
      ...(IS_PUBLISHED_BY_NODE ? published : unpublished),
      ...always,
      ...pick(unregistered, NATIVE),
    });
    const codes = unregistered['what they throw'] as string[];
    assert.equal(codes.length, 36);
    assert.ok(codes.every((code) => code.startsWith('ERR_')));
  });
});
