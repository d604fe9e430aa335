// The live kill switch in the middle of things: what has begun is recorded once, at its end; what begins later is not.
import assert from 'node:assert/strict';
import type { Response } from 'express';
import { firstData, head, MeasuredApp } from '../../support/measured-app.ts';
import { waitFor } from '../../support/wait-for.ts';

/** A promise, and what settles it. */
function deferred<T>() {
  let settle: { resolve(value: T): void; reject(error: Error): void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: (value: T) => settle?.resolve(value), reject: (error: Error) => settle?.reject(error) };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('the kill switch', () => {
  let app: MeasuredApp;
  let responses: Response[];
  let reached: number;

  beforeEach(async () => {
    responses = [];
    reached = 0;
    app = await MeasuredApp.open((routes) => {
      routes.get('/slow', (_request, response) => {
        reached++;
        responses.push(response);
      });
      routes.get('/events', (_request, response) => {
        reached++;
        responses.push(response);
        response.type('text/event-stream').flushHeaders();
      });
      routes.get('/quick', (_request, response) => void response.send('ok'));
    });
  });
  afterEach(() => app.close());

  /** Name and status of each event, in the order of their ends. */
  function events(): string[] {
    app.tracker.flush();
    return app.sink.events.map(({ name, status }) => `${name} ${status}`);
  }

  function assertCounts(recorded: number): void {
    app.tracker.flush();
    assert.deepEqual(app.tracker.counts(), { recorded, handedOn: recorded, waiting: 0, sampledOut: 0, dropped: {} });
    assert.equal(app.tracker.numbers().internalErrors, 0);
  }

  const active = () => app.sample('http_server_active_requests');

  it('records a promise that is pending, when it settles', async () => {
    const good = deferred<number>();
    const bad = deferred<number>();
    const wait = app.tracker.track({ type: 'tool', name: 'wait' }, (promise: Promise<number>) => promise);
    const begun = [wait(good.promise), wait(bad.promise)] as const;
    app.tracker.disable();
    const later = wait(good.promise);
    assert.equal(later, good.promise, 'unmeasured, the function gives what it gives');
    good.resolve(1);
    assert.deepEqual([await begun[0], await later], [1, 1]);
    bad.reject(new Error('no'));
    await assert.rejects(begun[1], /^Error: no$/);
    assert.deepEqual(events(), ['wait success', 'wait failure']);
    assertCounts(2);
  });

  it('records an open measure, when it ends', async () => {
    const gate = deferred<undefined>();
    const measure = (name: string) =>
      app.tracker.measure({ type: 'tool', name }, async (execution) => {
        execution.set({ seen: true });
        await gate.promise;
        execution.end();
      });
    const begun = measure('begun');
    app.tracker.disable();
    const later = measure('later');
    gate.resolve(undefined);
    await Promise.all([begun, later]);
    assert.deepEqual(events(), ['begun success']);
    assert.equal(app.sink.events[0]?.metadata['seen'], true);
    assertCounts(1);
  });

  it('records an open generator, when it is done or given up', async () => {
    const count = app.tracker.track({ type: 'tool', name: 'count' }, function* () {
      yield 1;
      yield 2;
    });
    const countLater = app.tracker.track({ type: 'tool', name: 'count later' }, async function* () {
      yield 1;
      yield 2;
    });
    const [done, givenUp, asynchronous] = [count(), count(), countLater()];
    done.next();
    givenUp.next();
    await asynchronous.next();
    app.tracker.disable();
    assert.deepEqual([...done], [2]);
    givenUp.return();
    assert.deepEqual(await collect(asynchronous), [2]);
    assert.deepEqual([...count()], [1, 2]);
    assert.deepEqual(await collect(countLater()), [1, 2]);
    assert.deepEqual(events(), ['count success', 'count aborted', 'count later success']);
    assertCounts(3);
  });

  it('records open executions that their caller ends', () => {
    const begun = app.tracker.start({ type: 'tool', name: 'begun' });
    const id = app.tracker.startExecution('begun by id');
    app.tracker.disable();
    const later = app.tracker.start({ type: 'tool', name: 'later' });
    const laterId = app.tracker.startExecution('later by id');
    begun.fail(new Error('no'));
    begun.end();
    assert.equal(app.tracker.endExecution(id), true);
    assert.equal(app.tracker.endExecution(id), false);
    later.end();
    assert.equal(app.tracker.endExecution(laterId), true);
    assert.deepEqual(events(), ['begun failure', 'begun by id success']);
    assertCounts(2);
  });

  it('records open requests and streams, when they are answered or cut, and counts them as active until then', async () => {
    const answered = app.get('/slow');
    const stream = app.get('/events');
    const cut = app.connect(head('GET', '/slow'));
    await waitFor(() => reached === 3);
    assert.equal(await active(), 3);
    app.tracker.disable();
    assert.equal(await (await app.get('/quick')).text(), 'ok');
    assert.equal(await active(), 3, 'a request that is not measured is not active either');
    for (const response of responses) if (response.headersSent) response.end();
    cut.destroy();
    await (await stream).text();
    await waitFor(async () => (await active()) === 1, { what: 'one active request' });
    for (const response of responses) response.end('late');
    assert.equal(await (await answered).text(), 'late');
    await waitFor(async () => (await active()) === 0, { what: 'no active request' });
    assert.deepEqual((await app.records(3)).sort(), [
      'GET /events 200 success',
      'GET /slow - aborted client_disconnect',
      'GET /slow 200 success',
    ]);
    assert.equal(await app.sample('http_server_active_streams'), 0);
    assertCounts(3);
  });

  it('measures only what begins after it is switched on again', async () => {
    app.tracker.disable();
    const socket = app.connect(head('GET', '/slow'));
    await waitFor(() => reached === 1);
    app.tracker.enable();
    assert.equal(await active(), 0);
    const data = firstData(socket);
    responses[0]?.end('late');
    await data;
    await (await app.get('/quick')).text();
    assert.deepEqual(await app.records(1), ['GET /quick 200 success']);
    assert.equal(await active(), 0);
    assertCounts(1);
  });
});
