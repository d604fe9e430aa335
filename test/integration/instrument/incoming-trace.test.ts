// Trace headers as clients put them on the wire: in several lines, padded, in any case, hostile.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { listen, type RunningServer } from '../../../src/server/listen.ts';

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);
const VALID = `00-${TRACE}-${SPAN}-01`;

describe('the trace of a request', () => {
  let tracker: ObservabilityTracker;
  let server: RunningServer;
  beforeEach(async () => {
    tracker = new ObservabilityTracker({ service: 'test' });
    const app = express().use(tracker.express());
    app.get('/', (_request, response) => void response.json(tracker.traceHeaders()));
    server = await listen(createServer(app), '127.0.0.1', 0);
  });
  afterEach(() => server.stop());

  /** Sends header lines as they are. @returns what the request would tell others */
  async function send(...lines: string[]): Promise<{ traceId: string | undefined; tracestate: string | undefined }> {
    const socket = connect(server.port, '127.0.0.1');
    socket.end(Buffer.from(['GET / HTTP/1.1', 'Host: test', 'Connection: close', ...lines, '', ''].join('\r\n'), 'latin1'));
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    const headers = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { traceparent?: string; tracestate?: string };
    return { traceId: headers.traceparent?.slice(3, 35), tracestate: headers.tracestate };
  }

  const accepted: [string, string[], string | undefined][] = [
    ['plain', [`traceparent: ${VALID}`], undefined],
    ['named in any case', [`TrAcEpArEnT: ${VALID}`, 'TRACESTATE: foo=1'], 'foo=1'],
    ['padded', [`traceparent: \t ${VALID} \t`, 'tracestate:\t foo=1 \t, bar=2 '], 'foo=1 \t, bar=2'],
    [
      'with its state in several lines',
      [`traceparent: ${VALID}`, 'tracestate: foo=1', 'tracestate:', 'tracestate: bar=2'],
      'foo=1, , bar=2',
    ],
    ['with a state that is refused', [`traceparent: ${VALID}`, 'tracestate: FOO=1'], undefined],
    ['with a state that is too long', [`traceparent: ${VALID}`, `tracestate: foo=1,${'x'.repeat(8000)}`], undefined],
  ];
  for (const [what, lines, tracestate] of accepted) {
    it(`goes on: ${what}`, async () => assert.deepEqual(await send(...lines), { traceId: TRACE, tracestate }));
  }

  const refused: [string, string[]][] = [
    ['two lines', [`traceparent: ${VALID}`, `traceparent: ${VALID}`]],
    ['two lines of a later version', [`traceparent: cc${VALID.slice(2)}`, `traceparent: cc${VALID.slice(2)}`]],
    ['nothing in it', ['traceparent:']],
    ['bytes', [`traceparent: 00-${'\u00e9'.repeat(32)}-${SPAN}-01`]],
    ['all that fits into a request', [`traceparent: ${VALID}${'-0'.repeat(6000)}`]],
    ['another name', [`trace-parent: ${VALID}`]],
  ];
  for (const [what, lines] of refused) {
    it(`begins anew, without a state: ${what}`, async () => {
      const { traceId, tracestate } = await send(...lines, 'tracestate: foo=1');
      assert.match(traceId ?? '', /^[0-9a-f]{32}$/);
      assert.notEqual(traceId, TRACE);
      assert.equal(tracestate, undefined);
    });
  }

  it('counts the headers that it refused', async () => {
    await send(`traceparent: ${VALID}`, 'tracestate: foo=1');
    await send();
    assert.deepEqual({ ...tracker.numbers().traceHeadersRefused }, { traceparent: 0, tracestate: 0 });
    await send('traceparent: 7', 'tracestate: FOO');
    await send(`traceparent: ${VALID}`, 'tracestate: FOO');
    await send(`traceparent: ${VALID}`, 'tracestate: FOO=1');
    assert.deepEqual({ ...tracker.numbers().traceHeadersRefused }, { traceparent: 1, tracestate: 2 });
    const text = await tracker.registry.metrics();
    assert.match(text, /^keepwatch_trace_headers_refused_total\{header="traceparent"\} 1$/m);
    assert.match(text, /^keepwatch_trace_headers_refused_total\{header="tracestate"\} 2$/m);
  });
});
