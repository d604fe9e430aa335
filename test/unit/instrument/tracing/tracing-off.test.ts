// With tracing off no promise hook may be in use: an AsyncLocalStorage in use costs every `await` of the process.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/**
 * In a process of its own, as hooks are of the whole process. Without hooks, promises get no async ids: what runs after an `await` has that
 * of the program. (From Node 24 on an AsyncLocalStorage uses no hooks either.)
 */
const PROGRAM = `
  import diagnostics from 'node:diagnostics_channel';
  import { executionAsyncId } from 'node:async_hooks';
  const { createKeepwatch } = await import('./src/index.ts');
  const keepwatch = await createKeepwatch({ logLevel: 'silent' });
  await keepwatch.start();
  const { tracker } = keepwatch;
  let ids = 0;
  tracker.connect({ accept(batch) {
    for (let index = 0; index < batch.size; index++) ids += batch.writeIds(index, Buffer.alloc(32), 0) === 0 ? 0 : 1;
    return batch.size;
  } });
  const request = { method: 'GET', headers: { traceparent: '00-' + 'a'.repeat(32) + '-' + 'b'.repeat(16) + '-01' }, socket: {} };
  const response = { req: request, statusCode: 200, socket: {}, on(event, listener) { if (event === 'finish') queueMicrotask(() => listener.call(response)); } };
  await new Promise((done) => tracker.express()(request, response, done));
  await tracker.track({ type: 'tool', name: 'work' }, async () => { await 1; })();
  const seen = await tracker.measure({ type: 'tool', name: 'work' }, async (execution) => {
    await 1;
    return [tracker.currentTraceContext(), tracker.traceparent(), execution.traceIds, execution.traceparent()];
  });
  const numbers = new Set();
  for (let turn = 0; turn < 3; turn++) numbers.add(await Promise.resolve().then(() => executionAsyncId()));
  const isHeard = diagnostics.hasSubscribers('undici:request:create') || diagnostics.hasSubscribers('http.client.request.created');
  tracker.flush();
  await keepwatch.stop();
  console.log(JSON.stringify({ ids, isHeard, known: seen.filter((one) => one !== undefined).length, hasHooks: numbers.size > 1 }));`;

function run(tracing: string): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', PROGRAM], {
    cwd: new URL('../../../../', import.meta.url).pathname,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], KEEPWATCH_TRACING: tracing },
  });
  assert.match(stdout, /^\{.*\}$/m, stderr);
  return JSON.parse(stdout) as unknown;
}

describe('KEEPWATCH_TRACING', function () {
  this.timeout(30_000);

  it('false: no ids, no hook for promises, no listener', () => {
    assert.deepEqual(run('false'), { ids: 0, isHeard: false, known: 0, hasHooks: false });
  });

  it('true: all of them, so the test can tell', () => {
    const hasHooks = Number.parseInt(process.versions.node, 10) < 24;
    assert.deepEqual(run('true'), { ids: 3, isHeard: true, known: 4, hasHooks });
  });
});
