// What SQL of rules can do as keepwatch_rules: read what is published, and nothing else, with nothing left behind.
import assert from 'node:assert/strict';
import { checkQueries, checkRulesRole, type QueryProblem, toFileProblems } from '../../../src/alerts/rules-check.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { runRulesQuery } from '../../../src/db/rules-query.ts';
import type { RulesRows } from '../../../src/db/rules-rows.ts';
import { type AlertsFixture, insertEvents, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { freePort } from '../../support/postgres.ts';

describe('the role of the rules', function () {
  this.timeout(30_000);
  let fixture: AlertsFixture;
  let rules: Database;
  before(async () => {
    fixture = await openAlertsFixture();
    rules = fixture.rulesDatabase;
    await insertEvents(fixture.database, { count: 10, fromMs: Date.now() - 60_000, toMs: Date.now() });
    await fixture.database.none(
      "create function public.write_it() returns int language sql as $$ insert into keepwatch.alert_group values ('x', 1, now()) returning 1 $$",
    );
  });
  after(() => fixture.close());

  const run = (text: string): Promise<RulesRows> =>
    runRulesQuery(rules, { text, values: [] }, { maxRows: 10, statementTimeoutMs: 2000 });
  const failure = (text: string): Promise<string> =>
    run(text).then(
      () => 'was allowed',
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );

  it('reads what is published', async () => {
    for (const relation of ['observability_metrics', 'keepwatch.events', 'keepwatch.sources']) {
      const { columns, rows } = await run(`select count(*) as n, '${relation}'::text as name from ${relation}`);
      assert.deepEqual(
        columns.map(({ kind }) => kind),
        ['number', 'text'],
      );
      assert.equal(rows.length, 1);
    }
  });

  const attacks: [string, string][] = [
    ['another statement', `select 1; delete from keepwatch.observability_metrics`],
    [
      'another statement, out of the brackets',
      `select 1) as a; delete from keepwatch.observability_metrics; select * from (select 1`,
    ],
    ['a commit', `commit`],
    ['a commit, out of the brackets', `select 1) as a; commit; select * from (select 1`],
    ['an insert', `insert into keepwatch.sources values (1) returning 1`],
    ['an insert in a CTE', `with x as (insert into keepwatch.alert_group values ('x') returning 1) select * from x`],
    ['a delete in a CTE', `with x as (delete from keepwatch.observability_metrics returning 1) select * from x`],
    ['select into', `select 1 as a into keepwatch.t`],
    ['create table as', `create table keepwatch.t as select 1`],
    ['a temporary table', `create temporary table t as select 1`],
    ['copy to a program', `copy (select 1) to program 'touch /tmp/x'`],
    ['copy to us', `copy keepwatch.observability_metrics to stdout`],
    ['a code block', `do $$ begin delete from keepwatch.observability_metrics; end $$`],
    ['a setting', `set statement_timeout = 0`],
    ['a function that writes', `select public.write_it()`],
    ['a lock of rows', `select * from keepwatch.sources for update`],
    ['the state of alerts', `select * from keepwatch.alert_instance`],
    ['messages', `select * from keepwatch.notification_outbox`],
    ['dead letters', `select * from keepwatch.observability_dead_letter`],
    ['quarantine', `select * from keepwatch.observability_quarantine`],
    ['passwords', `select * from pg_authid`],
    ['files', `select pg_read_file('/etc/passwd')`],
    ['files, in from', `select * from pg_ls_dir('.')`],
    ['another role', `select set_config('role', 'postgres', false)`],
    ['another user', `select set_config('session_authorization', 'postgres', false)`],
    ['writing again', `select set_config('transaction_read_only', 'off', true)`],
    ['a sequence', `select setval('keepwatch.alert_transition_id_seq', 1)`],
    ['making partitions', `select keepwatch.ensure_partitions(now(), now() + interval '30 days')`],
    [
      'XML of a query that writes',
      `select query_to_xml('delete from keepwatch.observability_metrics returning 1', true, true, '')::text`,
    ],
    ['a checkpoint', `checkpoint`],
  ];
  for (const [what, text] of attacks) {
    it(`is refused ${what}`, async () => {
      const reason = await failure(text);
      assert.match(reason, /^(42601|42501|25006|0A000|25001|22023|42809)$/, `${text}: ${reason}`);
      const { kept } = await fixture.database.one<{ kept: number }>(
        'select count(*)::int as kept from keepwatch.observability_metrics',
      );
      assert.equal(kept, 10);
    });
  }

  it('leaves no lock, no setting and no prepared statement behind', async () => {
    // As before docs/harden.sql.
    await fixture.database.none('grant execute on function pg_advisory_lock(bigint) to public');
    const single = createDatabase({
      url: String(rules.$cn && (rules.$cn as { connectionString: string }).connectionString),
      max: 1,
    });
    try {
      const query = {
        values: [],
        text: `select pg_advisory_lock(42)::text as a, set_config('work_mem', '1GB', false) as b, set_config('search_path', 'pg_temp', false) as c`,
      };
      await runRulesQuery(single, query, { maxRows: 10 });
      const left = await single.one(
        `select (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks, current_setting('work_mem') <> '1GB' as is_reset,
           current_setting('search_path') as path, (select count(*)::int from pg_prepared_statements) as prepared`,
      );
      assert.deepEqual(left, { locks: 0, is_reset: true, path: 'keepwatch, pg_catalog', prepared: 0 });
    } finally {
      await closeDatabase(single);
    }
  });

  it('writes nothing even where the role could', async () => {
    const query = { text: 'select public.write_it()', values: [] };
    await assert.rejects(runRulesQuery(fixture.database, query, { maxRows: 1 }), { code: '25006' });
  });

  it('keeps no large object, which Postgres before 16 lets a read-only transaction make', async () => {
    await run('select lo_create(0)::text as id').catch(() => {});
    assert.deepEqual(await fixture.database.any('select oid from pg_largeobject_metadata'), []);
  });

  it('is cancelled when a query does not end, and the connection is used again', async () => {
    const startedAt = performance.now();
    for (let index = 0; index < 3; index++) {
      await assert.rejects(
        runRulesQuery(
          rules,
          { text: 'select count(*) as n from generate_series(1, 1000000000000) a', values: [] },
          { maxRows: 1, statementTimeoutMs: 150 },
        ),
        { code: '57014' },
      );
    }
    assert.ok(performance.now() - startedAt < 5000);
    assert.equal((await run('select 1 as value')).rows.length, 1);
  });

  describe('checkRulesRole', () => {
    it('accepts keepwatch_rules', async () => {
      assert.deepEqual(await checkRulesRole(rules), [
        'keepwatch_rules may call pg_advisory_lock: a superuser can run docs/harden.sql',
      ]);
    });

    it('refuses a superuser, and says what to do', async () => {
      await assert.rejects(checkRulesRole(fixture.database), {
        code: 'ERR_RULES_ROLE',
        message:
          /rules would run as postgres, which is a superuser; make the role keepwatch_rules with `keepwatch migrate --roles`/,
      });
    });

    it('refuses a role that may write, also by another role', async () => {
      const role = `keepwatch_test_writer_${process.pid}`;
      await fixture.database.none(`create role ${role} login noinherit password 'test' in role keepwatch_writer`);
      const writer = createDatabase({
        url: Object.assign(new URL(fixture.test.url), { username: role, password: 'test' }).href,
        max: 1,
      });
      try {
        await assert.rejects(checkRulesRole(writer), {
          code: 'ERR_RULES_ROLE',
          message: /which may write to keepwatch\.\w+; make/,
        });
      } finally {
        await closeDatabase(writer);
        await fixture.database.none(`drop role ${role}`);
      }
    });

    it('says that the role is missing, and nothing of its password', async () => {
      const nobody = createDatabase({
        url: Object.assign(new URL(fixture.test.url), { username: 'nobody_here', password: 'secret' }).href,
        max: 1,
      });
      await assert.rejects(checkRulesRole(nobody), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_RULES_ROLE');
        assert.match(error.message, /the role of the rules cannot be used: .*nobody_here/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
      await closeDatabase(nobody);
    });
  });

  describe('checkQueries', () => {
    const yaml = `groups:
  - name: g
    rules:
      - alert: Good
        query: select name, count(*) as value from keepwatch.observability_metrics where end_time < :now group by name
        fire_when: value > 1
      - alert: BadColumn
        query: |
          select name, -- ümläüte
            count(*) as value
          from keepwatch.observability_metrics
          where nmae = 'x' and end_time < :now
          group by name
        fire_when: value > 1
      - alert: BadCondition
        query: select 1 as value
        fire_when: vlaue > 1
        annotations: { summary: "\${nmae}" }
      - alert: BadAnnotation
        query: select 1 as value
        fire_when: value > 1
        annotations: { summary: "\${nmae}" }
      - alert: Expensive
        query: select count(*) as value from generate_series(1, 1000000000000) n
        fire_when: value > 1
      - alert: BadContext
        query: select 'a' as name, 1 as value
        fire_when: value > 1
        context:
          query: |
            select name
            from keepwatch.events where nope = :label_name
        expect: { query: select nope from keepwatch.events }
      - alert: NumberExpected
        query: select 'a' as name, 1 as value
        fire_when: value > 1
        context: { query: "select id from keepwatch.events where duration_ms > :label_limit::float8" }
        expect: { query: select 1 as name }
      - alert: NumberAsLabel
        query: select n as service, 1 as value from (select weight as n from keepwatch.observability_metrics where end_time < :now) e
        fire_when: value > 1
`;

    it('finds what Postgres does not understand, with file and line, and runs nothing', async () => {
      const startedAt = performance.now();
      const { refused, flawed, warnings, isComplete } = await checkQueries(parseRules(yaml), rules);
      const lines = (problems: readonly QueryProblem[]) =>
        toFileProblems(problems).map(({ line, message }) => `${line} ${message}`);
      assert.equal(isComplete, true);
      assert.deepEqual(lines(refused), [
        '12 BadColumn: column "nmae" does not exist (42703)',
        '15 BadCondition: fire_when: there is no column "vlaue"; the query gives these numbers: value',
      ]);
      assert.deepEqual(lines(warnings), [
        '39 NumberAsLabel: "service" is a number, named as a label; numbers are values: rename it, or cast it to text',
      ]);
      assert.deepEqual(lines(flawed), [
        '19 BadAnnotation: annotation summary: there is no column "nmae"; the query gives: value',
        '32 BadContext: context.query: column "nope" does not exist (42703)',
        '33 BadContext: expect.query: column "nope" does not exist (42703)',
        '34 NumberExpected: expect.query: gives no text column, so that it expects nothing; name the labels',
      ]);
      assert.ok(performance.now() - startedAt < 2000);
    });

    it('says that it is not complete when the database does not answer', async () => {
      const away = createDatabase({ url: `postgres://a:b@127.0.0.1:${await freePort()}/c`, max: 1 });
      assert.deepEqual(await checkQueries(parseRules(yaml), away), {
        refused: [],
        flawed: [],
        warnings: [],
        labels: new Set(['alertname']),
        isComplete: false,
      });
      await closeDatabase(away);
    });
  });
});
