// The judge of the chaos campaign, before a real archive: silent when all is well, and not to be deceived in anything that it looks at.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Evidence } from '../../chaos/evidence.ts';
import { App } from '../../chaos/in-process/app.ts';
import { judge } from '../../chaos/oracle.ts';
import { locateBlocks, sealedTags, segmentFiles } from '../../chaos/segment-bytes.ts';
import { Watermarks } from '../../chaos/watermarks.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

describe('the judge of the chaos campaign', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  let evidence: Evidence;
  let app: App;
  let service: string;
  let cases = 0;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  beforeEach(async () => {
    spool = createSpoolDir();
    evidence = new Evidence();
    service = `case-${++cases}`;
    app = await App.start({ name: 'app-1', service, url: test.url, spoolDir: join(spool.path, 'app'), evidence, skewMs: 0 });
  });
  afterEach(() => spool.remove());
  after(() => test.drop());

  /** What is in a second spool counts as what is in the first. */
  const judged = () => judge({ evidence, database: test.database, spoolDirs: [join(spool.path, 'left'), app.spoolDir], service });
  const execute = (sql: string) => test.database.none(sql, { service });

  async function archive(events: number): Promise<void> {
    app.record(events);
    await app.flush();
    await app.stop();
  }

  it('finds nothing where nothing is wrong', async () => {
    await archive(200);
    assert.equal(evidence.safe.size, 250, 'a log line for every four events');
    assert.deepEqual(await judged(), []);
  });

  it('sees a row that is gone, though the ledger was told', async () => {
    await archive(20);
    await execute(`delete from keepwatch.observability_metrics where service = $<service> and metadata ->> 'chaos' = 'app-1:7'`);
    await execute(
      'update keepwatch.ledger set archived = archived - 1, recorded = recorded - 1 where lane = $$rest$$ and source_id in (select source_id from keepwatch.sources where service = $<service>)',
    );
    const problems = (await judged()).join('\n');
    assert.match(problems, /app-1: lost 1 events that were safe, 0 are counted as dropped: app-1:7/);
    assert.match(problems, /recorded 20, the ledger says 19/);
  });

  it('sees a log line that is gone', async () => {
    await archive(20);
    await execute(
      `delete from keepwatch.observability_logs where service = $<service> and attributes ->> 'chaos' = 'app-1/log:3'`,
    );
    assert.match((await judged()).join('\n'), /app-1\/log: lost 1 events that were safe, 0 are counted as dropped: app-1\/log:3/);
  });

  it('sees a row that is there twice, under another id', async () => {
    await archive(20);
    await execute(
      `insert into keepwatch.observability_metrics
       select gen_random_uuid(), start_time, end_time, created_at, duration_ms, source_id, trace_id, weight, name, type, status, service,
         span_id, parent_span_id, error, metadata
       from keepwatch.observability_metrics where service = $<service> and metadata ->> 'chaos' = 'app-1:3'`,
    );
    assert.match((await judged()).join('\n'), /doubled: app-1:3 \(2 times\)[\s\S]*verify: source/);
  });

  it('sees events that are counted as damaged though no fault has touched them', async () => {
    app.proxy.down();
    app.record(50);
    await app.flush();
    const [file = ''] = segmentFiles(app.spoolDir).filter((path) => path.includes('rest-'));
    const bytes = readFileSync(file);
    const { start = 0, tags = [] } = locateBlocks(bytes)?.blocks[0] ?? {};
    bytes.writeUInt8(bytes.readUInt8(start + 100) ^ 1, start + 100);
    writeFileSync(file, bytes);
    assert.equal(tags.length, 40);
    app.proxy.up();
    await app.flush();
    await app.stop();
    assert.match((await judged()).join('\n'), /app-1: 0 destroyed events are missing, \d+ are counted as damaged/);
    evidence.markDestroyed(tags);
    assert.deepEqual(await judged(), []);
  });

  it('sees what is left in the spool', async () => {
    app.proxy.down();
    app.record(5);
    await app.flush();
    const problems = (await judged()).join('\n');
    assert.match(problems, /left in the spool: .*rest-0000000001\.seg/);
    assert.doesNotMatch(problems, /recorded 5, the ledger says 0/, 'what waits is recorded');
    await app.stop();
  });

  it('sees a watermark that goes back, and an event that comes behind it', async () => {
    const watermarks = new Watermarks(test.database, service);
    await archive(10);
    await watermarks.look();
    assert.deepEqual(watermarks.problems, []);
    await execute(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
       select gen_random_uuid(), low_watermark - interval '1 s', low_watermark - interval '1 s', 0, source_id, 'late', 'custom', 'success', service
       from keepwatch.sources where service = $<service>`,
    );
    await execute("update keepwatch.sources set low_watermark = low_watermark - interval '2 s' where service = $<service>");
    await watermarks.look();
    assert.match(watermarks.problems.join('\n'), /went back from[\s\S]*had passed events that came later/);
  });

  it('finds the events of a segment without the reader that is under test', async () => {
    app.proxy.down();
    app.record(2000);
    await app.flush();
    const tags = sealedTags(app.spoolDir);
    assert.equal(new Set(tags).size, 2500);
    assert.equal(segmentFiles(app.spoolDir).length, 3);
    assert.equal(locateBlocks(Buffer.alloc(5)), undefined);
    app.proxy.up();
    await app.stop();
    assert.deepEqual(await judged(), []);
  });
});
