// Hostile events among good ones, from the tracker or straight into the spool, into real Postgres: the good ones all arrive, and each of the
// others is a bounded row, a dead letter with its reason, in the quarantine, or counted as dropped.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { createArchive } from '../../../src/archive/archive.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { EVENT_TYPES, type EventSeries, LANES } from '../../../src/event.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import type { ArrayEvent } from '../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive, UNHURRIED } from '../../support/test-archive.ts';

const RUNS = 20;

const evilText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.constantFrom(
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff\ud800',
    '',
    'n'.repeat(10_000),
    'ä'.repeat(1_000_000),
    '\u{10ffff}'.repeat(3000),
  ),
);
const evilNumber = fc.oneof(
  fc.double(),
  fc.constantFrom(
    -1,
    -0,
    1e300,
    -1e300,
    Number.NaN,
    Infinity,
    -Infinity,
    Date.UTC(9999, 11, 31),
    Date.UTC(10_000, 0, 1),
    2 ** 53,
  ),
);
const evilMetadata = fc.oneof(
  evilText.map((text) => `"a":${JSON.stringify(text)}`),
  fc.constantFrom('"a":', '"a":"\\u0000"', '}', ',', '"a":1e999', '"a":"\\ud800"', `"a":${'['.repeat(10_000)}`, '"a":1,"a":2'),
  evilText,
);
const evilSeries: fc.Arbitrary<EventSeries> = fc.record({
  type: fc.constantFrom(...EVENT_TYPES),
  name: evilText,
  service: evilText,
  metadata: fc.oneof(fc.constant(''), evilMetadata),
});
/** One or two things of it are wrong, or all. */
const evilEvent: fc.Arbitrary<ArrayEvent> = fc.record(
  {
    lane: fc.constantFrom(...LANES),
    series: evilSeries,
    endMs: evilNumber,
    durationMs: evilNumber,
    weight: evilNumber,
    metadata: evilMetadata,
    error: evilText,
    traceId: fc.constantFrom('0'.repeat(32), 'f'.repeat(32)),
    spanId: fc.constantFrom('0'.repeat(16), 'f'.repeat(16)),
  },
  { requiredKeys: [] },
);
/** True: a good event. */
const anyEvents = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: evilEvent }), {
  minLength: 1,
  maxLength: 60,
});

describe('Archive, hostile events among good ones', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());

  /** Proves the accounting law of a source. @returns its numbers */
  async function prove(sourceId: bigint) {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    const lanes = report.sources.filter((source) => source.sourceId === String(sourceId));
    assert.deepEqual(
      lanes.flatMap(({ problems }) => problems),
      [],
    );
    const sum = (of: (lane: (typeof lanes)[number]) => number) => lanes.reduce((total, lane) => total + of(lane), 0);
    const numbers = {
      recorded: sum(({ recorded }) => recorded),
      archived: sum(({ archived }) => archived),
      deadLettered: sum(({ deadLettered }) => deadLettered),
      quarantined: sum(({ quarantined }) => quarantined),
      dropped: sum(({ dropped }) => Object.values(dropped).reduce((total, events) => total + events, 0)),
    };
    const { recorded, archived, deadLettered, quarantined, dropped } = numbers;
    assert.equal(archived + deadLettered + quarantined + dropped, recorded);
    const { bad } = await test.database.one<{ bad: number }>(
      `select count(*)::int as bad from keepwatch.observability_metrics
       where source_id = $1 and (length(name) > 1000 or length(error) > 2000 or pg_column_size(metadata) > 20000
         or duration_ms < 0 or weight < 1 or start_time > end_time)`,
      [sourceId],
    );
    assert.equal(bad, 0, 'rows are bounded');
    return numbers;
  }

  async function goodRows(sourceId: bigint): Promise<number> {
    const { rows } = await test.database.one<{ rows: number }>(
      `select count(*)::int as rows from keepwatch.observability_metrics
       where source_id = $1 and name = 'GET /things/:id' and metadata = '{"method": "GET", "is": "good"}'`,
      [sourceId],
    );
    return rows;
  }

  it('are archived as far as they can be, when they come straight to the spool', async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(anyEvents, async (events) => {
        const { archive, tracker } = createTestArchive(test.database, spool.path);
        tracker.record(...events.map((event) => (event === true ? { metadata: '"is":"good"' } : event)));
        await archive.flush();
        await archive.stop({ timeoutMs: 5000 });
        const { recorded, deadLettered } = await prove(archive.sourceId);
        assert.equal(recorded, events.length);
        assert.equal(await goodRows(archive.sourceId), events.filter((event) => event === true).length);
        refused += deadLettered;
      }),
      { numRuns: RUNS },
    );
    assert.ok(refused > 0, 'some are refused');
    const { unexplained } = await test.database.one<{ unexplained: number }>(
      `select count(*)::int as unexplained from keepwatch.observability_dead_letter where length(sqlstate) <> 5 or error = ''`,
    );
    assert.equal(unexplained, 0);
  });

  it('are all archived when they come through the tracker, which bounds them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.record({ name: evilText, value: evilText, fails: fc.boolean() })), { maxLength: 60 }),
        async (events) => {
          const tracker = new ObservabilityTracker({ service: 'test', registry: new Registry() });
          const archive = createArchive({
            ...UNHURRIED,
            database: test.database,
            spoolDir: spool.path,
            now: () => tracker.now(),
            collect: () => tracker.flush(),
          });
          tracker.connect(archive.sink);
          for (const event of events) {
            const { name, value, fails } = event ?? { name: 'good', value: 'good', fails: false };
            const execution = tracker.start({ type: 'tool', name, metadata: { [value.slice(0, 10)]: value, is: 'x' } });
            if (fails) execution.fail(new Error(value));
            else execution.end();
          }
          await archive.flush();
          await archive.stop({ timeoutMs: 5000 });
          if (events.length === 0) return;
          const numbers = await prove(archive.sourceId);
          assert.deepEqual(numbers, {
            recorded: events.length,
            archived: events.length,
            deadLettered: 0,
            quarantined: 0,
            dropped: 0,
          });
        },
      ),
      { numRuns: RUNS },
    );
  });
});
