// A tracker that is given names, labels, paths and methods that nobody gave before, in all ways that take them at run time. At the end it
// reports what that has cost. Argument: how many executions.
import { EVENT_TYPES, LANES } from '../../../src/event.ts';
import { createClock } from '../../../src/instrument/clock.ts';
import { InternalErrors } from '../../../src/instrument/internal-errors.ts';
import { Metrics } from '../../../src/instrument/metrics/registry.ts';
import { Recorder } from '../../../src/instrument/recording/recorder.ts';
import { EventRing, STATUS_CODES } from '../../../src/instrument/recording/ring.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { silentLogger } from '../../../src/logger.ts';
import { CountingSink, reportFlood, usedBytes } from '../../support/flood.ts';

const executions = Number(process.argv[2]);
const WARM_UP = 40_000;

const tracker = new ObservabilityTracker({ service: 'flood' });
const sink = new CountingSink();
tracker.connect(sink);
/** Paths and methods reach the recorder from the middleware alone, which knows better; here they come unfiltered. */
const clock = createClock();
const ring = new EventRing();
const recorder = new Recorder({
  ring,
  metrics: new Metrics(tracker.registry),
  clock,
  errors: new InternalErrors(silentLogger, clock.monotonicMs),
  service: 'flood',
});
const late = tracker.track({ type: 'tool', name: 'late' }, () => 1);
tracker.declare({ type: 'agent', names: ['support'] });

function recordRequest(method: string, path: string, code: number): void {
  const labels = { http_request_method: method, http_route: path, http_response_status_code: String(code), error_type: '' };
  recorder.end(
    recorder.createBinding('api', `${method} ${path}`, labels),
    STATUS_CODES.success,
    clock.monotonicMs(),
    undefined,
    undefined,
  );
}

const uses: ((text: string, index: number) => void)[] = [
  (text) => recordRequest('GET', `/${text}`, 404),
  (text, index) => recordRequest(`M${text}`, '/users/:id', 100 + (index % 900)),
  (text) => recordRequest(`M${text}`, `/${text}`, 200),
  (text) => tracker.measure({ type: 'tool', name: text }, () => 1),
  (text) => tracker.record({ type: 'tool', name: `${'long '.repeat(60)}${text}` }, { durationMs: 1 }),
  (text) => tracker.start({ type: 'agent', name: text, labels: { workspace: text } }).fail(text),
  (text) => tracker.measure({ type: 'agent', name: 'support', labels: { workspace: text } }, () => 1),
  (text) =>
    tracker
      .start({ type: 'llm', name: text, labels: { provider: text, model: `${text}-large` } })
      .tokens({ input: 1 })
      .end(),
  (text) => tracker.endExecution(tracker.startExecution(text, { text })),
  (text) => tracker.measure({ type: text as 'custom', name: text }, () => 1),
  (text, index) => tracker.start({ type: EVENT_TYPES[index % EVENT_TYPES.length] ?? 'custom', name: text }).abort(),
];

function run(count: number, textOf: (index: number) => string): void {
  for (let index = 0; index < count; index++) {
    uses[index % uses.length]?.(textOf(index), index);
    if (index % 4000 === 0) drain();
  }
  drain();
}

function drain(): void {
  tracker.flush();
  for (const lane of LANES) ring.take(lane, sink.accept(ring.batch(lane, ring.capacity, clock.now())));
}

run(WARM_UP, (index) => `warm-${index % 10}`);
const before = await usedBytes();
const startedAt = performance.now();
run(executions, (index) => `${(index * 2_654_435_761).toString(36)}-${index}`);
const seconds = (performance.now() - startedAt) / 1000;
const grownBytes = (await usedBytes()) - before;
late();
const support = { type: 'agent', name: 'support', labels: { workspace: 'late' } } as const;
tracker.declare({ type: 'agent', labels: { workspace: ['late'] } });
tracker.measure(support, () => 1);
recorder.declare({ type: 'api', names: ['GET /late'], labels: { http_route: ['/late'] } });
recordRequest('GET', '/late', 200);
drain();

await reportFlood(tracker, sink, {
  executions: WARM_UP + executions + 3,
  grownBytes,
  seconds,
  declared: [
    ['tool_calls_total', '{tool_name="late",status="success"}'],
    ['agent_execution_total', '{agent_id="support",workspace="late",status="success"}'],
    [
      'http_server_request_duration_seconds',
      '{http_request_method="GET",http_route="/late",http_response_status_code="200",error_type=""}',
    ],
  ],
});
