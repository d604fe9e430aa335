// What other people do to the table: rows that it refuses go to the dead letter, a table that takes none is waited for.
import assert from 'node:assert/strict';
import { MAX_REFUSED_IN_A_ROW } from '../../../src/archive/drain/refused-rows.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { ArrayEvent } from '../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive, type TestArchive } from '../../support/test-archive.ts';

const BAD: ArrayEvent = { error: 'bad' };
const GOOD: ArrayEvent = { error: 'good' };

/** Refuses every row whose error is `bad`. */
const CHECK = `alter table keepwatch.observability_metrics add constraint nothing_bad check (error is distinct from 'bad')`;

const refuseBad = (code: string, when = "new.error = 'bad'") => `
  create function public.refuse() returns trigger language plpgsql as $$
  begin
    if ${when} then raise exception 'no % here', new.error using errcode = '${code}'; end if;
    return new;
  end $$;`;
const rowTrigger = (code: string, when?: string) =>
  `${refuseBad(code, when)}
  create trigger refuse before insert on keepwatch.observability_metrics for each row execute function public.refuse();`;

const TODAY = `observability_metrics_p${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`;

describe('Archive, when Postgres refuses rows', function () {
  this.timeout(120_000); // thousands of rows are refused one by one
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  let warnings: { fields: object; message: string }[];
  let made: TestArchive;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    warnings = [];
    const warn = (fields: object, message: string) => void warnings.push({ fields, message });
    made = createTestArchive(test.database, spool.path, { logger: { ...silentLogger, warn } });
  });
  afterEach(async () => {
    await made.archive.stop({ timeoutMs: 5000 });
    await test.drop();
    spool.remove();
  });

  async function archiveAll(...events: readonly ArrayEvent[]) {
    made.tracker.record(...events);
    await made.archive.flush();
    const { archived, deadLettered, spoolEvents, state, reasons } = made.archive.stats();
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.equal(report.totals.archived + report.totals.deadLettered + report.totals.queued, made.tracker.recorded);
    return { archived, deadLettered, spoolEvents, state, reason: reasons.join() };
  }

  const many = (event: ArrayEvent, count: number) => Array.from({ length: count }, () => event);

  const REFUSALS: readonly { what: string; sql: string; sqlstate: string; refused?: number }[] = [
    { what: 'a CHECK constraint that somebody added', sql: CHECK, sqlstate: '23514' },
    { what: "an exception of somebody's trigger", sql: rowTrigger('P0001'), sqlstate: 'P0001' },
    { what: 'an SQLSTATE of its own', sql: rowTrigger('KW001'), sqlstate: 'KW001' },
    {
      what: 'a unique index on a partition',
      sql: `create unique index on keepwatch.${TODAY} (error) where error = 'bad'`,
      sqlstate: '23505',
      refused: 2,
    },
    {
      what: 'a deferred constraint, which would speak at COMMIT',
      sql: `${refuseBad('23514')}
        create constraint trigger refuse after insert on keepwatch.${TODAY} deferrable initially deferred
        for each row execute function public.refuse()`,
      sqlstate: '23514',
    },
    {
      what: 'a column that is shorter now',
      sql: `drop view keepwatch.events; alter table keepwatch.observability_metrics alter column service type varchar(20)`,
      sqlstate: '22001',
    },
  ];
  for (const { what, sql, sqlstate, refused = 3 } of REFUSALS) {
    it(`bisects: ${what}`, async () => {
      await test.database.multi(sql);
      const long = { type: 'tool', name: 'x', service: 's'.repeat(21), metadata: '' } as const;
      const bad = sqlstate === '22001' ? { ...BAD, series: long } : BAD;
      const { reason, ...counts } = await archiveAll(...many(GOOD, 70), bad, ...many(GOOD, 30), bad, bad);
      assert.equal(reason, '');
      assert.deepEqual(counts, { archived: 103 - refused, deadLettered: refused, spoolEvents: 0, state: 'ok' });
      const letters = await test.database.any<{ sqlstate: string; row_number: number }>(
        'select sqlstate, row_number from keepwatch.observability_dead_letter order by row_number',
      );
      assert.deepEqual(
        letters,
        [71, 102, 103].slice(3 - refused).map((row_number) => ({ sqlstate, row_number })),
      );
      const [warning] = warnings;
      assert.equal(warnings.length, 1);
      assert.match(warning?.message ?? '', /observability_dead_letter/);
      assert.match(JSON.stringify(warning?.fields), new RegExp(`${sqlstate}|no bad here`));
    });
  }

  it('finds the good rows behind more bad ones than it would take for a broken table', async () => {
    await test.database.none(CHECK);
    const result = await archiveAll(...many(BAD, MAX_REFUSED_IN_A_ROW + 200), ...many(GOOD, 200));
    assert.deepEqual(result, {
      archived: 200,
      deadLettered: MAX_REFUSED_IN_A_ROW + 200,
      spoolEvents: 0,
      state: 'ok',
      reason: '',
    });
  });

  it('waits for a table that takes no row: after 1,000 dead letters in a row, and at once where a batch has more', async () => {
    const waits = /Postgres takes no row any more; .*null value in column "tenant" .*violates not-null constraint/;
    await archiveAll(GOOD);
    await test.database.none(`alter table keepwatch.observability_metrics add column tenant text`);
    await test.database.none(`update keepwatch.observability_metrics set tenant = 'a'`);
    await test.database.none(`alter table keepwatch.observability_metrics alter column tenant set not null`);
    assert.equal((await archiveAll(...many(GOOD, 600))).deadLettered, 600);
    assert.equal((await archiveAll(...many(GOOD, 400))).deadLettered, 1000);
    for (let attempt = 0; attempt < 2; attempt++) {
      const { reason, ...counts } = await archiveAll(...many(GOOD, 100));
      assert.match(reason, waits);
      assert.deepEqual(counts, {
        archived: 1,
        deadLettered: 1000,
        spoolEvents: 100 * (attempt + 1),
        state: 'degraded',
      });
    }
    await test.database.none(`alter table keepwatch.observability_metrics alter column tenant set default 'none'`);
    const { archived, deadLettered, state } = await archiveAll(GOOD);
    assert.deepEqual({ archived, deadLettered, state }, { archived: 202, deadLettered: 1000, state: 'ok' });
    await test.database.none(`alter table keepwatch.observability_metrics alter column tenant drop default`);
    const { reason, ...counts } = await archiveAll(...many(GOOD, 1001));
    assert.match(reason, waits);
    assert.deepEqual(counts, { archived: 202, deadLettered: 1000, spoolEvents: 1001, state: 'degraded' });
    await test.database.none(`alter table keepwatch.observability_metrics alter column tenant set default 'none'`);
    assert.equal((await archiveAll()).archived, 1203);
  });

  const STATES: readonly { what: string; breaks: string; mends: string; says: RegExp }[] = [
    {
      what: 'a column that is gone',
      breaks: 'alter table keepwatch.observability_metrics rename column weight to heavy',
      mends: 'alter table keepwatch.observability_metrics rename column heavy to weight',
      says: /column "weight" of relation "observability_metrics" does not exist/,
    },
    {
      what: 'a table that is gone',
      breaks: 'alter table keepwatch.observability_metrics rename to away',
      mends: 'alter table keepwatch.away rename to observability_metrics',
      says: /"?keepwatch.observability_metrics"? does not exist/,
    },
    {
      what: 'a trigger that is broken',
      breaks: rowTrigger('P0001', 'new.no_such_column'),
      mends: 'drop function public.refuse cascade',
      says: /no_such_column/,
    },
    {
      what: 'a tablespace that is full',
      breaks: rowTrigger('53100'),
      mends: 'drop function public.refuse cascade',
      says: /no bad here/,
    },
    {
      what: 'a privilege that is revoked',
      breaks: rowTrigger('42501'),
      mends: 'drop function public.refuse cascade',
      says: /no bad here/,
    },
  ];
  for (const { what, breaks, mends, says } of STATES) {
    it(`waits, and puts nothing in the dead letter: ${what}`, async () => {
      await archiveAll(GOOD);
      await test.database.multi(breaks);
      for (let attempt = 1; attempt <= 2; attempt++) {
        made.tracker.record(GOOD, BAD);
        await made.archive.flush();
        const { archived, deadLettered, spoolEvents, reasons } = made.archive.stats();
        assert.deepEqual({ archived, deadLettered, spoolEvents }, { archived: 1, deadLettered: 0, spoolEvents: attempt * 2 });
        assert.match(reasons.join(), says);
      }
      await test.database.multi(mends);
      const { reason, ...counts } = await archiveAll();
      assert.equal(reason, '');
      assert.deepEqual(counts, { archived: 5, deadLettered: 0, spoolEvents: 0, state: 'ok' });
    });
  }
});
