// The log stream alone, with a real pino before it: what hostile lines become, and what is counted of those that find no room.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pino } from 'pino';
import { createRedact } from '../../../../src/instrument/error-redaction.ts';
import { InternalErrors } from '../../../../src/instrument/internal-errors.ts';
import { LogCollector, type LogCollectorOptions } from '../../../../src/instrument/logs/log-stream.ts';
import { createMetadataKeys } from '../../../../src/instrument/metadata-keys.ts';
import type { LogBatch, LogLine, LogSink } from '../../../../src/log.ts';
import { silentLogger } from '../../../../src/logger.ts';

class RecordingSink implements LogSink {
  readonly lines: LogLine[] = [];
  readonly dropped = new Map<string, number>();
  recorded = 0;
  /** Lines that it takes of each batch. */
  takes = Infinity;

  accept(batch: LogBatch): number {
    const taken = Math.min(batch.size, this.takes);
    for (let index = 0; index < taken; index++) this.lines.push(batch.line(index));
    this.recorded = batch.counts.recorded - (batch.size - taken);
    batch.eachDropped(({ name }, lines) => this.dropped.set(name, lines));
    return taken;
  }
}

function collect(options: Partial<LogCollectorOptions> = {}) {
  const sink = new RecordingSink();
  const collector = new LogCollector({
    service: 'test',
    now: () => 1_700_000_000_000,
    traceContext: () => undefined,
    isEnabled: () => true,
    keys: createMetadataKeys(),
    redact: createRedact(),
    errors: new InternalErrors(silentLogger, () => performance.now()),
    ...options,
  });
  collector.connect(sink);
  return { collector, sink };
}

/** The line that a text becomes. */
function lineOf(text: string, options: Partial<LogCollectorOptions> = {}): LogLine {
  const { collector, sink } = collect(options);
  collector.write(text);
  collector.stop();
  assert.equal(sink.lines.length, 1);
  return sink.lines[0] as LogLine;
}

const attributesOf = ({ attributes }: LogLine) => JSON.parse(`{${attributes}}`) as Record<string, unknown>;

describe('LogCollector', () => {
  it('reads levels by number and by name, and keeps a name that is none', () => {
    assert.equal(lineOf('{"level":35,"msg":"m"}').level, 35);
    assert.equal(lineOf('{"level":"ERROR","msg":"m"}').level, 50);
    const custom = lineOf('{"level":"notice","msg":"m"}');
    assert.deepEqual([custom.level, attributesOf(custom)], [30, { level: 'notice' }]);
    assert.equal(lineOf('{"level":-7}').level, 0);
    assert.equal(lineOf('{"level":1e99}').level, 32_767);
  });

  it('reads times in whatever unit they are, and takes its own clock where there is none', () => {
    const ms = 1_800_000_000_123;
    for (const time of [ms, ms / 1000, ms * 1000, `"${new Date(ms).toISOString()}"`]) {
      assert.ok(Math.abs(lineOf(`{"time":${time}}`).timeMs - ms) < 1, String(time));
    }
    for (const time of ['null', '-5', '"yesterday"', '{}']) assert.equal(lineOf(`{"time":${time}}`).timeMs, 1_700_000_000_000);
  });

  it('takes what is no JSON as a message', () => {
    for (const text of ['plain text', '{"level":30', '[1]', '"text"', 'null']) assert.equal(lineOf(text).message, text);
  });

  it('takes several lines at once, and each line once', () => {
    const { collector, sink } = collect();
    collector.write('{"msg":"one"}\n{"msg":"two"}\n\n{"msg":"three"}');
    collector.stop();
    assert.deepEqual(
      sink.lines.map(({ message }) => message),
      ['one', 'two', 'three'],
    );
  });

  it('cuts a message of 10 MB, and marks it', () => {
    const { collector, sink } = collect();
    const logger = pino({ name: 'big', base: {} }, collector);
    logger.error('x'.repeat(10_000_000));
    logger.error({ padding: 'y'.repeat(10_000_000) }, 'short');
    collector.stop();
    const [long, short] = sink.lines;
    assert.deepEqual([long?.level, long?.logger, long?.message.length], [50, 'big', 8000]);
    assert.match(long?.attributes ?? '', /"keepwatch.truncated":true/);
    assert.deepEqual([short?.level, short?.message, short?.attributes], [50, 'short', '"keepwatch.truncated":true']);
  });

  it('is not harmed by what pino makes of cycles, getters and toJSON that throw', () => {
    const { collector, sink } = collect();
    const logger = pino({ base: {} }, collector);
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    logger.info({ cycle }, 'cycle');
    logger.info(
      {
        bad: {
          toJSON: () => {
            throw new Error('no');
          },
        },
      },
      'toJSON',
    );
    logger.info({ nul: '\0', half: '\ud800' }, 'text \0 \udc00');
    collector.stop();
    assert.deepEqual(
      sink.lines.map(({ message }) => message.slice(0, 6)),
      ['cycle', 'toJSON', 'text \ufffd'],
    );
  });

  it('leaves out what lists deny, and redacts errors and the messages that tell of them', () => {
    const keys = createMetadataKeys({ deny: ['email'] });
    const denied = lineOf('{"level":30,"msg":"m","email":"a@b.example","user":{"email":"a@b.example","id":7},"password":"p"}', {
      keys,
    });
    assert.deepEqual(attributesOf(denied), { user: { id: 7 } });
    const error = {
      type: 'Error',
      message: 'no mail to a@b.example',
      stack: 'Error: no mail to a@b.example\n at x',
      cause: { stack: 'a@b.example' },
    };
    const failed = lineOf(JSON.stringify({ level: 30, msg: error.message, err: error }));
    assert.ok(!JSON.stringify(failed).includes('a@b.example'));
    assert.equal(lineOf('{"level":30,"msg":"mail to a@b.example"}').message, 'mail to a@b.example');
  });

  it('prefers the trace that a line names to the one it was written in', () => {
    const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)];
    const options = { traceContext: () => ({ traceId, spanId }) };
    const plain = lineOf('{"msg":"m"}', options);
    assert.deepEqual([plain.traceId, plain.spanId], [traceId, spanId]);
    const named = lineOf(`{"msg":"m","trace_id":"${'c'.repeat(32)}","span_id":"${'d'.repeat(16)}","trace_flags":"01"}`, options);
    assert.deepEqual([named.traceId, named.spanId, named.attributes], ['c'.repeat(32), 'd'.repeat(16), '']);
    assert.equal(lineOf('{"trace_id":"nonsense"}', options).traceId, traceId);
  });

  it('counts what finds no room, by level, and keeps a quarter for warnings and errors', () => {
    const { collector, sink } = collect({ bounds: { lines: 100, length: 1e6 } });
    const logger = pino({ base: {} }, collector);
    for (let index = 0; index < 200; index++) logger.info('ordinary');
    for (let index = 0; index < 50; index++) logger.error('trouble');
    const { recorded, waiting, dropped } = collector.numbers();
    assert.deepEqual([recorded, waiting, dropped], [250, 100, { ring_full: 150 }]);
    collector.stop();
    assert.equal(sink.lines.filter(({ level }) => level === 50).length, 25);
    assert.deepEqual(
      [...sink.dropped],
      [
        ['info', 125],
        ['error', 25],
      ],
    );
    assert.equal(sink.recorded, 250);
  });

  it('offers again what a sink leaves, and counts what one loses that throws', () => {
    const { collector, sink } = collect();
    for (let index = 0; index < 10; index++) collector.write(`{"msg":"${index}"}`);
    sink.takes = 3;
    collector.flush();
    sink.takes = 0;
    collector.flush();
    assert.equal(collector.numbers().waiting, 0);
    assert.deepEqual(
      sink.lines.map(({ message }) => message),
      Array.from({ length: 10 }, (_, index) => String(index)),
    );
    collector.connect({
      accept: () => {
        throw new Error('broken');
      },
    });
    collector.write('{"msg":"lost"}');
    collector.stop();
    assert.deepEqual(collector.numbers(), { recorded: 11, waiting: 0, dropped: { sink_error: 1 } });
  });

  it('makes of any text a line that can be read, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string({ unit: 'binary' }),
          fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const { collector, sink } = collect();
          collector.write(text);
          collector.stop();
          assert.equal(sink.lines.length, text.split('\n').filter((line) => line !== '').length);
          for (const line of sink.lines) assert.doesNotThrow(() => attributesOf(line));
        },
      ),
    );
  });
});
