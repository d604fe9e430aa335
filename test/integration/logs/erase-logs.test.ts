// `erase` over log lines: rows, quarantine, dead letters and the spool.
import assert from 'node:assert/strict';
import { eraseEvents } from '../../../src/archive/erase/erase.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { disown, drain, placesOf } from '../../support/erase-site.ts';
import { batchOf, lineOf } from '../../support/log-lines.ts';

const DAY_MS = 86_400_000;

describe('erase, log lines', function () {
  this.timeout(30_000);
  const site = useArchiveSite();
  const where = [{ key: 'user_id', value: 'wanted' }];
  const erase = (isDryRun = false) => eraseEvents({ database: site.database, spoolDir: site.spoolDir, where, isDryRun });

  beforeEach(async () => {
    await site.database.one("select keepwatch.ensure_log_partitions(now() - interval '8 days', now())");
    await site.database.none(
      'truncate keepwatch.observability_logs, keepwatch.observability_logs_quarantine, keepwatch.observability_dead_letter',
    );
    await site.database.none('truncate keepwatch.sources, keepwatch.ledger, keepwatch.series_ledger, keepwatch.imports');
  });

  it('takes a person out of rows, quarantine, dead letters and kept segments, and of nobody else', async () => {
    const test = site.create();
    const early = { timeMs: Date.now() - 30 * DAY_MS };
    const refused = { message: 'refuse wanted' };
    await site.database.none(
      "alter table keepwatch.observability_logs add constraint no_refused check (message not like 'refuse%')",
    );
    const lines = [lineOf('wanted'), lineOf('other'), lineOf('wanted', early), lineOf('other', early), lineOf('wanted', refused)];
    test.archive.sink.accept(batchOf(lines));
    await test.archive.flush();
    await site.database.none('alter table keepwatch.observability_logs drop constraint no_refused');
    const before = await placesOf('wanted', site.database, site.spoolDir);
    assert.equal(Object.keys(before).length, 4, JSON.stringify(before));
    const dry = await erase(true);
    assert.deepEqual(await placesOf('wanted', site.database, site.spoolDir), before);
    const { tables, deadLetters, spoolEvents, left } = await erase();
    assert.deepEqual([tables.map(({ rows }) => rows), deadLetters, spoolEvents, left], [[1, 1], 1, 3, []]);
    assert.deepEqual([dry.tables, dry.deadLetters, dry.spoolEvents], [tables, deadLetters, spoolEvents]);
    assert.deepEqual(await placesOf('wanted', site.database, site.spoolDir), {});
    const rows = await site.database.any('select level, message, logger, attributes from keepwatch.logs order by message');
    assert.deepEqual(rows, [
      { level: 'info', message: 'erased', logger: 'mail', attributes: { 'keepwatch.erased': true } },
      { level: 'info', message: 'hello other', logger: 'mail', attributes: { user_id: 'other', note: 'of other' } },
    ]);
    await site.assertProved();
    const { replayed } = await site.database.one<{ replayed: number }>('select replayed from keepwatch.replay_dead_letters()');
    assert.equal(replayed, 1);
    await site.assertProved();
    await test.archive.stop({ timeoutMs: 1000 });
  });

  it('takes a person out of what a dead process left, before it is archived', async () => {
    site.proxy.down();
    const test = site.create();
    test.archive.sink.accept(batchOf([lineOf('wanted'), lineOf('other')]));
    await test.archive.flush();
    await test.archive.stop({ timeoutMs: 100 });
    disown(site.spoolDir, test);
    assert.deepEqual([(await erase()).spoolEvents, (await erase()).spoolEvents], [1, 0]);
    await drain(site.database, site.spoolDir);
    assert.deepEqual(await placesOf('wanted', site.database, site.spoolDir), {});
    const messages = await site.database.any<{ message: string }>(
      'select trim(message) as message from keepwatch.logs order by 1',
    );
    assert.deepEqual(
      messages.map(({ message }) => message),
      ['erased', 'hello other'],
    );
    await site.assertProved();
  });
});
