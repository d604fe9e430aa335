// Keepwatch beside OpenTelemetry's own instrumentation of HTTP and Express, in a process of their own: one tree of spans and events.
import assert from 'node:assert/strict';
import { startProgram } from '../support/process.ts';
import type { RecordedEvent } from '../support/recording-sink.ts';

interface Outcome {
  readonly spans: readonly { name: string; kind: number; traceId: string; spanId: string; parentSpanId?: string }[];
  readonly events: readonly RecordedEvent[];
  /** Raw headers of the call by node:http, and of that by fetch. */
  readonly downstream: readonly (readonly string[])[];
}

const SERVER = 1;
const CALLER = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const HEADERS = { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01`, tracestate: 'foo=1' };

async function run(sampling: 'sampled' | 'unsampled', headers: Record<string, string>): Promise<Outcome> {
  const program = startProgram('test/e2e/programs/opentelemetry-app.ts', [sampling, JSON.stringify(headers)]);
  const [line] = await program.printed(/^\{.*\}$/m, 50_000);
  assert.equal(await program.exited, 0, program.output());
  return JSON.parse(line) as Outcome;
}

const values = (rawHeaders: readonly string[] | undefined, name: string) =>
  (rawHeaders ?? []).filter((_, index) => index % 2 === 1 && rawHeaders?.[index - 1]?.toLowerCase() === name);

describe('Keepwatch beside OpenTelemetry', function () {
  this.timeout(60_000);

  it('makes one tree: the request is the span of the request, calls carry one header, the innermost is the parent', async () => {
    const { spans, events, downstream } = await run('sampled', HEADERS);
    const event = (name: string) => events.find((candidate) => candidate.name === name);
    const span = (name: string) => spans.find((candidate) => candidate.name === name);

    const server = span('GET /orders/:id');
    assert.equal(server?.kind, SERVER);
    const request = event('GET /orders/:id');
    assert.deepEqual([request?.spanId, request?.parentSpanId], [server.spanId, CALLER.spanId]);
    assert.equal(event('in_span')?.parentSpanId, span('inside')?.spanId);

    // OpenTelemetry instruments node:http and sends its own span; fetch it does not, and there the execution goes out.
    const [byHttp, byFetch] = downstream.map((rawHeaders) => values(rawHeaders, 'traceparent'));
    const client = spans.find(({ kind }) => kind === 2);
    assert.deepEqual(byHttp, [`00-${CALLER.traceId}-${client?.spanId}-01`]);
    assert.deepEqual(byFetch, [`00-${CALLER.traceId}-${event('by_fetch')?.spanId}-01`]);
    for (const rawHeaders of downstream) assert.deepEqual(values(rawHeaders, 'tracestate'), ['foo=1']);

    const known = new Set([CALLER.spanId, ...spans.map(({ spanId }) => spanId), ...events.map(({ spanId }) => spanId)]);
    for (const node of [...spans, ...events]) {
      assert.equal(node.traceId, CALLER.traceId, node.name);
      assert.ok(known.has(node.parentSpanId ?? ''), `${node.name} has its parent in the tree`);
    }
  });

  it('joins spans that are not sampled, records all the same, and says so to others', async () => {
    const { spans, events, downstream } = await run('unsampled', HEADERS);
    assert.deepEqual(spans, []);
    assert.equal(events.length, 4);
    assert.ok(events.every(({ traceId }) => traceId === CALLER.traceId));
    for (const rawHeaders of downstream) assert.match(values(rawHeaders, 'traceparent').join(), /^00-a{32}-[0-9a-f]{16}-00$/);
  });

  it('begins where OpenTelemetry begins when nobody called', async () => {
    const { spans, events } = await run('sampled', {});
    const server = spans.find(({ name }) => name === 'GET /orders/:id');
    const request = events.find(({ name }) => name === 'GET /orders/:id');
    assert.deepEqual([request?.traceId, request?.spanId, request?.parentSpanId], [server?.traceId, server?.spanId, undefined]);
  });
});
