// Rules over HTTP: made, changed, disabled and removed with a record of it; previewed; what they did, page by page.
import assert from 'node:assert/strict';
import { createStoredRules, type RuleChange, type StoredRule } from '../../../src/alerts/definitions/stored-rules.ts';
import type { EvaluationEntry, TransitionEntry } from '../../../src/alerts/history.ts';
import { type Preview, previewRule } from '../../../src/alerts/preview.ts';
import { createRuleEditor } from '../../../src/alerts/rule-editor.ts';
import { createRuleSource } from '../../../src/alerts/rule-source.ts';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import { insertEvents, loadText } from '../../support/alerts.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { insertRolledUp } from '../../support/rolled-up.ts';

const FILES = `groups:
  - name: shipped
    every: 1m
    rules: [{ alert: Shipped, query: select 1 as value, fire_when: value > 1 }]`;

const SLOW = {
  alert: 'Slow chat',
  query: `select name, count(*) as events, percentile_disc(0.95) within group (order by duration_ms) as value
from keepwatch.observability_metrics
where end_time >= :now - :window and end_time < :now
group by name`,
  params: { window: '5m' },
  fire_when: 'value > 3000 and events >= 10',
  for: '2m',
  labels: { severity: 'warning' },
};
const DRAFT = { group: 'own', every: '30s', rule: SLOW };
const PATH = `/rules/${encodeURIComponent('own/Slow chat')}`;

describe('the API of rules', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi(FILES);
  });
  after(() => fixture.close());
  beforeEach(() => fixture.database.multi('delete from keepwatch.alert_rule; delete from keepwatch.alert_rule_audit'));

  const create = (body: unknown = DRAFT, actor?: string) =>
    fixture.send<StoredRule>('post', '/rules', { body, headers: actor === undefined ? {} : { 'keepwatch-actor': actor } });
  const source = () => createRuleSource({ database: fixture.database, files: loadText(FILES) });

  it('warns of what is most likely not meant, of a rule as of a preview', async () => {
    const suspect = {
      ...SLOW,
      query: `select counted as service, count(*) as type, name, 1 as events, 1 as value
from (select name, weight as counted, end_time from keepwatch.observability_metrics) e
where end_time >= :now - :window and end_time < :now group by 1, name`,
      fire_when: 'value > 1 and events > 0',
      clear_when: 'value < 4',
    };
    const warnings = [
      'rule.clear_when: is true together with fire_when for value = 2.5, events = 1, where fire_when wins; let it begin where that ends',
      'rule.query: "type" is a number (count()), named as a label; numbers are values: rename it, or cast it to text',
      'rule.query: "service" is a number, named as a label; numbers are values: rename it, or cast it to text',
    ];
    const made = await fixture.send<StoredRule & { warnings: string[] }>('post', '/rules', { body: { ...DRAFT, rule: suspect } });
    assert.equal(made.status, 201, made.error);
    assert.deepEqual(made.data.warnings, warnings);
    const read = await fixture.send<StoredRule & { warnings: string[] }>('get', PATH);
    assert.deepEqual(read.data.warnings, warnings.slice(0, 2));
    const put = await fixture.send<StoredRule & { warnings: string[] }>('put', `${PATH}?version=1`, { body: DRAFT });
    assert.deepEqual([put.status, put.data.warnings], [200, []]);
    const preview = await fixture.send<Preview>('post', '/rules/preview', { body: { rule: suspect } });
    assert.deepEqual([preview.data.row_count, preview.data.warnings], [0, warnings], 'columns are known without a row');
  });

  it('makes, changes, disables, enables and removes one, and records who did', async () => {
    const made = await create(DRAFT, 'ann');
    assert.equal(made.status, 201, made.error);
    assert.deepEqual(
      { ...made.data, created_at: '', updated_at: '' },
      {
        uid: 'own/Slow chat',
        group: 'own',
        every_ms: 30_000,
        definition: SLOW,
        enabled: true,
        version: 1,
        created_at: '',
        updated_at: '',
        warnings: [],
      },
    );
    const changed = { ...DRAFT, rule: { ...SLOW, for: '5m' } };
    const put = await fixture.send<StoredRule>('put', PATH, {
      body: changed,
      headers: { 'if-match': '"1"', 'keepwatch-actor': 'bob' },
    });
    assert.deepEqual([put.status, put.data.version, put.data.definition], [200, 2, changed.rule]);
    assert.equal((await fixture.send<StoredRule>('post', `${PATH}/disable?version=2`)).data.enabled, false);
    assert.equal((await fixture.send<StoredRule>('post', `${PATH}/enable?version=3`)).data.enabled, true);
    const stale = await fixture.send('delete', PATH, { headers: { 'if-match': '"2"' } });
    assert.deepEqual([stale.status, stale.headers.get('etag')], [409, '"4"']);
    assert.equal((await fixture.send('delete', PATH, { headers: { 'if-match': '"4"' } })).status, 200);
    assert.equal((await fixture.send('get', PATH)).status, 404);

    const { data: changes } = await fixture.send<RuleChange[]>('get', `${PATH}/changes`);
    assert.deepEqual(
      changes.map(({ action, actor, version, before, after }) => [
        action,
        actor,
        version,
        before?.['version'],
        after?.['version'],
      ]),
      [
        ['delete', 'api', 4, 4, undefined],
        ['enable', 'api', 4, 3, 4],
        ['disable', 'api', 3, 2, 3],
        ['update', 'bob', 2, 1, 2],
        ['create', 'ann', 1, undefined, 1],
      ],
    );
    assert.deepEqual(changes[3]?.after?.['definition'], changed.rule);
    assert.equal((await create()).data.version, 5, 'whoever has seen the one that was removed changes no new one');
  });

  it('records nothing for one that is enabled or disabled already', async () => {
    await create();
    const { revision } = await source().load();
    const post = (what: string) => fixture.send<StoredRule>('post', `${PATH}/${what}`);
    assert.deepEqual((await post('enable?version=1')).data.version, 1);
    assert.equal((await source().load()).revision, revision, 'evaluators find nothing new');
    assert.equal((await post('enable?version=2')).status, 409, 'a version that nobody has seen');
    assert.deepEqual((await post('disable?version=1')).data.version, 2);
    const again = await post('disable?version=2');
    assert.deepEqual([again.status, again.data.version, again.headers.get('etag')], [200, 2, '"2"']);
    assert.equal((await fixture.send<RuleChange[]>('get', `${PATH}/changes`)).data.length, 2);
  });

  it('enables only what can be evaluated', async () => {
    const rules = createStoredRules(fixture.database);
    const disabled: [uid: string, group: string, definition: object, says: RegExp][] = [
      ['shipped/Slow chat', 'shipped', SLOW, /group: got "shipped"; allowed: a group that no rule file has/],
      [
        'own/gone',
        'own',
        { alert: 'gone', query: 'select nope as value', fire_when: 'value > 1' },
        /column "nope" does not exist/,
      ],
      ['own/older', 'own', { ...SLOW, alert: 'older', fire_whn: 'value > 1' }, /fire_whn/],
    ];
    for (const [uid, group, definition, says] of disabled) {
      const content = { group, every_ms: 30_000, definition: { ...definition }, enabled: false };
      assert.equal((await rules.create(uid, content, 'test')).outcome, 'done');
      const path = `/rules/${encodeURIComponent(uid)}`;
      const { status, error } = await fixture.send('post', `${path}/enable?version=1`);
      assert.equal(status, 400, uid);
      assert.match(error ?? '', says);
      assert.equal((await fixture.send<StoredRule>('get', path)).data.enabled, false);
    }
  });

  it('lets one of 20 that write at once win each version, with one record each', async () => {
    await create();
    for (let version = 1; version <= 3; version++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, writer) =>
          fixture.send<StoredRule>('put', PATH, {
            body: { ...DRAFT, rule: { ...SLOW, for: `${writer + 1}m` } },
            headers: { 'if-match': `"${version}"`, 'keepwatch-actor': `writer ${writer}` },
          }),
        ),
      );
      assert.deepEqual(
        answers.map(({ status }) => status).sort((a, b) => a - b),
        [200, ...Array.from({ length: 19 }, () => 409)],
      );
      const { data } = await fixture.send<StoredRule>('get', PATH);
      assert.deepEqual(data, answers.find(({ status }) => status === 200)?.data);
    }
    const { data: changes } = await fixture.send<RuleChange[]>('get', `${PATH}/changes`);
    assert.deepEqual(
      changes.map(({ version }) => version),
      [4, 3, 2, 1],
    );
  });

  it('lets one of many win each version, also where they come by different processes', async () => {
    const pools = Array.from({ length: 4 }, () => createDatabase({ url: fixture.test.url, max: 5 }));
    const processes = pools.map((pool) => createStoredRules(pool));
    const content = { group: 'own', every_ms: 30_000, definition: SLOW, enabled: true };
    const all = async (write: (rules: (typeof processes)[number], writer: string) => Promise<{ outcome: string }>) => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, writer) => write(processes[writer % 4] as (typeof processes)[number], `writer ${writer}`)),
      );
      return outcomes.filter(({ outcome }) => outcome === 'done').length;
    };
    try {
      assert.equal(await all((rules, writer) => rules.create('own/Slow chat', content, writer)), 1);
      for (let version = 1; version <= 5; version++)
        assert.equal(
          await all((rules, writer) => rules.replace('own/Slow chat', version, content, writer)),
          1,
          `version ${version}`,
        );
      assert.equal(await all((rules, writer) => rules.remove('own/Slow chat', 6, writer)), 1);
    } finally {
      await Promise.all(pools.map((pool) => closeDatabase(pool)));
    }
    const { data } = await fixture.send<RuleChange[]>('get', `${PATH}/changes`);
    assert.deepEqual(
      data.map(({ action, version }) => `${action} ${version}`),
      ['delete 6', 'update 6', 'update 5', 'update 4', 'update 3', 'update 2', 'create 1'],
    );
  });

  it('shows its rules to evaluators by one number', async () => {
    const rules = source();
    const first = await rules.load();
    assert.equal(await rules.load(), first, 'nothing changed');
    await create();
    const second = await rules.load();
    assert.ok(second.revision > first.revision);
    assert.deepEqual(
      second.groups.map(({ name, everyMs }) => `${name} ${everyMs}`),
      ['shipped 60000', 'own 30000'],
    );
    assert.deepEqual(
      [...second.origins],
      [
        ['shipped/Shipped', { source: 'file' }],
        ['own/Slow chat', { source: 'api', version: 1 }],
      ],
    );
    await fixture.send('post', `${PATH}/disable?version=1`);
    assert.deepEqual(
      (await rules.load()).groups.map(({ name }) => name),
      ['shipped'],
    );
  });

  it('leaves out a stored rule that a file has by now, and says so', async () => {
    await create();
    const rules = createRuleSource({
      database: fixture.database,
      files: loadText(FILES.replace('shipped', 'own').replace('Shipped', 'Slow chat')),
    });
    const { groups, problems, origins } = await rules.load();
    assert.deepEqual(
      groups.map(({ file }) => file),
      ['rules.yaml'],
    );
    assert.equal(origins.get('own/Slow chat')?.source, 'file');
    assert.match(
      problems[0]?.message ?? '',
      /^own\/Slow chat: group: got "own"; allowed: a group that no rule file has, as rules.yaml has it$/,
    );
  });

  const refused: [what: string, body: unknown, says: RegExp][] = [
    ['an unknown key', { ...DRAFT, rule: { ...SLOW, fire_wen: 'x' } }, /^rule\.fire_wen: unknown key/],
    ['a condition that is none', { ...DRAFT, rule: { ...SLOW, fire_when: 'value >' } }, /^rule\.fire_when: /],
    [
      'a column that is not there',
      { ...DRAFT, rule: { ...SLOW, fire_when: 'p95 > 3' } },
      /there is no column "p95"; the query gives these numbers: events, value/,
    ],
    [
      'SQL that Postgres refuses',
      { ...DRAFT, rule: { ...SLOW, query: 'select nope as value', params: {} } },
      /^rule\.query: .*column "nope" does not exist/,
    ],
    [
      'the wall clock',
      { ...DRAFT, rule: { ...SLOW, query: 'select 1 as value\nwhere now() > :now', params: {} } },
      /now\(\) .*:now.*\(line 2\)|line 2.*now\(\)/s,
    ],
    ['what writes', { ...DRAFT, rule: { ...SLOW, query: 'delete from keepwatch.alert_rule', params: {} } }, /rule\.query/],
    [
      'two statements',
      { ...DRAFT, rule: { ...SLOW, query: 'select 1 as value; select 2 as value', params: {} } },
      /rule\.query: .*(;|one)/,
    ],
    [
      'a receiver that is not there',
      { ...DRAFT, rule: { ...SLOW, notify: ['sms'] } },
      /^rule\.notify\[0\]: there is no receiver "sms"; allowed: pager$/,
    ],
    [
      'a group of a file',
      { ...DRAFT, group: 'shipped' },
      /^group: got "shipped"; allowed: a group that no rule file has, as rules.yaml has it$/,
    ],
    ['a group of ours', { ...DRAFT, group: 'keepwatch targets' }, /the group "keepwatch targets" is Keepwatch's own/],
    [
      'a uid of ours',
      { ...DRAFT, rule: { ...SLOW, uid: 'keepwatch:rule-error/own' } },
      /^uid: got "keepwatch:rule-error\/own"; allowed: a uid that does not begin with "keepwatch:"/,
    ],
    [
      'a context that is no query',
      { ...DRAFT, rule: { ...SLOW, context: { query: 'select nope from keepwatch.events' } } },
      /^rule\.context\.query: Slow chat: column "nope" does not exist/,
    ],
    [
      'an expect that is no query',
      { ...DRAFT, rule: { ...SLOW, expect: { query: 'select nope from keepwatch.events' } } },
      /^rule\.expect\.query: Slow chat: column "nope" does not exist/,
    ],
    ['NUL', { ...DRAFT, rule: { ...SLOW, labels: { a: '\0' } } }, /NUL/],
    ['a grid of less than a second', { ...DRAFT, every: '10ms' }, /^every: .*at least 1s/],
    ['no rule', { group: 'own' }, /^rule: got nothing; allowed: an object, as a rule stands in a rule file$/],
    ['a rule that is a text', { group: 'own', rule: 'select 1' }, /^rule: got "select 1"; allowed: an object/],
  ];
  for (const [what, body, says] of refused) {
    it(`refuses ${what}, and says where`, async () => {
      const { status, error } = await create(body);
      assert.equal(status, 400, error);
      assert.match(error ?? '', says);
      assert.equal((await fixture.database.one<{ n: number }>('select count(*)::int as n from keepwatch.alert_rule')).n, 0);
    });
  }

  it('keeps the uid, the name and the slots of a group apart', async () => {
    await create();
    const other = { ...SLOW, alert: 'Other' };
    assert.match(
      (await create({ ...DRAFT, every: '1m', rule: other })).error ?? '',
      /^every: got 1m; allowed: 30s, as the other rules/,
    );
    assert.equal((await create()).status, 409);
    const renamed = await fixture.send('put', `${PATH}?version=1`, { body: { ...DRAFT, rule: other } });
    assert.match(renamed.error ?? '', /^rule\.uid: got "own\/Other"; allowed: "own\/Slow chat", which a rule keeps$/);
  });
});

describe('the API of previews', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
    const now = Date.now();
    await insertEvents(fixture.database, { count: 50, fromMs: now - 200_000, toMs: now - 100_000, durationMs: 4000 });
    await insertEvents(fixture.database, {
      count: 30,
      fromMs: now - 200_000,
      toMs: now - 100_000,
      durationMs: 40,
      name: 'GET /',
    });
  });
  after(() => fixture.close());
  const preview = (body: unknown) => fixture.send<Preview>('post', '/rules/preview', { body });

  it('says what a rule would say now, and keeps nothing', async () => {
    const { status, data, error } = await preview({ rule: SLOW });
    assert.equal(status, 200, error);
    assert.deepEqual(
      data.rows.map(({ row, value, labels, condition }) => [row['name'], row['events'], value, labels?.['alertname'], condition]),
      [
        ['GET /', 30, 40, 'Slow chat', 'clear'],
        ['POST /chat', 50, 4000, 'Slow chat', 'breach'],
      ],
    );
    assert.deepEqual([data.row_count, data.is_truncated, data.breaches, data.value], [2, false, 1, 40]);
    assert.ok(data.plan.cost > 0 && data.duration_ms > 0);
    assert.equal((await fixture.database.one<{ n: number }>('select count(*)::int as n from keepwatch.alert_rule')).n, 0);
  });

  it('is of the newest slot of the group, as an evaluation is, so that rollups have all of the window', async () => {
    const slotMs = Math.floor(Date.now() / 300_000) * 300_000 - 600_000;
    const event = { service: 'grid', type: 'api', name: 'GET /', status: 'failure', durationMs: 1, weight: 1 } as const;
    await insertRolledUp(
      fixture.database,
      Array.from({ length: 300 }, (_, second) => ({ ...event, endMs: slotMs - 1000 * (second + 1) })),
    );
    const rule = { alert: 'Fails', error_rate: { service: 'grid', above: 0.1, window: '5m' } };
    const ask = (given: object, nowMs: number) => previewRule(fixture.rulesDatabase, given, nowMs);
    for (const query of [{ rule }, { rule: { ...rule, error_rate: { ...rule.error_rate, window: '301s' } } }]) {
      const { at, rows } = await ask(query, slotMs + 59_000);
      assert.deepEqual([at, rows[0]?.row['events']], [new Date(slotMs).toISOString(), 300]);
    }
    assert.equal((await ask({ rule, every: '5m' }, slotMs + 299_000)).rows[0]?.row['events'], 300);
    assert.equal((await ask({ rule, every: '1m' }, slotMs + 60_000)).rows[0]?.row['events'], 240);
    assert.equal((await ask({ query: 'select 1 as value' }, slotMs + 59_001)).at, new Date(slotMs + 59_001).toISOString());
  });

  it('counts all series of a rule, and plans it as it runs', async () => {
    const many = {
      alert: 'Many',
      query: `select 's' || n as name, n as value from generate_series(1, 3000) n`,
      fire_when: 'value > 10',
    };
    const { data, error } = await preview({ rule: many });
    assert.equal(error, undefined);
    assert.deepEqual([data.row_count, data.is_truncated, data.breaches, data.rows.length], [3000, false, 2990, 50]);
    assert.equal(data.plan.rows, 3000);
  });

  it('runs no query as a role that could do more than read, unless it is told to', async () => {
    const { database } = fixture;
    const options = { database, rulesDatabase: database, files: loadText('groups: []'), receivers: [] };
    const own = { query: 'select 1 as value' };
    await assert.rejects(createRuleEditor(options).preview(own, Date.now()), { code: 'ERR_RULES_ROLE' });
    await assert.rejects(createRuleEditor(options).create({ group: 'g', rule: SLOW }, 'test'), { code: 'ERR_RULES_ROLE' });
    assert.equal((await createRuleEditor({ ...options, role: 'owner' }).preview(own, Date.now())).value, 1);
  });

  it('says what a query alone gives, the first rows of it', async () => {
    const query = `select n as value, '${'x'.repeat(1000)}' as text, :now::text as at from generate_series(1, :most) n`;
    const { data, error } = await preview({ query, params: { most: 3000 } });
    assert.equal(error, undefined);
    assert.deepEqual([data.row_count, data.is_truncated, data.rows.length, data.value], [500, true, 50, 1]);
    assert.equal(String(data.rows[0]?.row['text']).length, 501);
    assert.equal(data.breaches, undefined);
  });

  it('has NaN and infinity in rows as texts', async () => {
    const { data } = await preview({ query: `select 'NaN'::float8 as value, '-Infinity'::float8 as low` });
    assert.deepEqual(data.rows[0], { row: { value: 'NaN', low: '-Infinity' }, value: null });
  });

  it('refuses what rules may not do, and says where', async () => {
    const cases: [body: object, status: number, says: RegExp][] = [
      [{ query: 'select 1 as value\nfrom nowhere' }, 400, /nowhere/],
      [{ query: 'select * from keepwatch.alert_rule' }, 400, /alert_rule/],
      [{ query: 'select 1; drop schema keepwatch' }, 400, /;/],
      [{ rule: { ...SLOW, nope: 1 } }, 400, /^rule\.nope: unknown key/],
      [{ query: 'select 1', rule: SLOW }, 400, /either rule and every, or query/],
      [{ query: 'select 1', every: '1m' }, 400, /either rule and every, or query/],
      [{ rule: SLOW, every: '10ms' }, 400, /^every: .*at least 1s/],
      [{}, 400, /either rule and every, or query/],
      [{ query: 'select count(*) as value from generate_series(1, 100000) a, generate_series(1, 100000) b' }, 504, /query: /],
    ];
    for (const [body, status, says] of cases) {
      const answer = await preview(body);
      assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.error}`);
      assert.match(answer.error ?? '', says);
    }
  });
});

describe('the API of what happened', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi(FILES);
    const evaluator = fixture.createEvaluator(
      loadText(
        `groups: [{ name: g, every: 1s, rules: [{ alert: Odd, query: "select 'a' as part, extract(second from :now)::int % 2 as value", fire_when: value = 1 }] }]`,
      ).groups,
    );
    const [group] = loadText(
      `groups: [{ name: g, every: 1s, rules: [{ alert: Odd, query: "select 'a' as part, extract(second from :now)::int % 2 as value", fire_when: value = 1 }] }]`,
    ).groups;
    assert.ok(group !== undefined);
    const now = Math.floor(Date.now() / 2000) * 2000;
    for (let slot = 0; slot < 30; slot++)
      await evaluator.evaluateGroup(group, { slotMs: now - 60_000 + slot * 1000, isPartial: false, missed: 0 });
  });
  after(() => fixture.close());

  it('tells transitions page by page, each once, the newest first', async () => {
    const { data: all } = await fixture.send<{ transitions: TransitionEntry[] }>('get', '/alerts/history?limit=1000');
    assert.ok(all.transitions.length >= 28, `${all.transitions.length}`);
    const paged: TransitionEntry[] = [];
    let cursor: string | undefined;
    do {
      const { data } = await fixture.send<{ transitions: TransitionEntry[]; cursor?: string }>(
        'get',
        `/alerts/history?limit=7${cursor === undefined ? '' : `&cursor=${cursor}`}`,
      );
      paged.push(...data.transitions);
      cursor = data.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(paged, all.transitions);
    const [newest] = all.transitions;
    assert.deepEqual([newest?.group, newest?.rule, newest?.rule_uid, newest?.labels['part']], ['g', 'Odd', 'g/Odd', 'a']);
    assert.ok((newest?.time ?? '') > (all.transitions.at(-1)?.time ?? ''));
  });

  it('finds by rule, state, incident and time', async () => {
    const ask = async (query: string) =>
      (await fixture.send<{ transitions: TransitionEntry[] }>('get', `/alerts/history?${query}`)).data.transitions;
    assert.ok((await ask('state=firing')).every(({ to_state }) => to_state === 'firing'));
    assert.equal((await ask('rule=nope')).length, 0);
    assert.deepEqual(await ask('rule=g%2FOdd'), await ask('rule=Odd'));
    const [one] = await ask('state=firing&limit=1');
    const incident = await ask(`incident=${one?.incident_id}`);
    assert.ok(incident.length >= 1 && incident.every(({ incident_id }) => incident_id === one?.incident_id));
    assert.deepEqual(
      await ask(`to=${one?.time}&limit=1000`),
      (await ask('limit=1000')).filter(({ time }) => time < (one?.time ?? '')),
    );
    for (const query of ['state=odd', 'incident=1', 'limit=0', 'cursor=x', 'from=yesterday', 'colour=red'])
      assert.equal((await fixture.send('get', `/alerts/history?${query}`)).status, 400, query);
  });

  it('tells the evaluations of a rule, and that there is none', async () => {
    const { data } = await fixture.send<{ evaluations: EvaluationEntry[]; cursor?: string }>(
      'get',
      '/rules/g%2FOdd/evaluations?limit=20',
    );
    assert.equal(data.evaluations.length, 20);
    const { data: rest } = await fixture.send<{ evaluations: EvaluationEntry[]; cursor?: string }>(
      'get',
      `/rules/g%2FOdd/evaluations?limit=20&cursor=${data.cursor}`,
    );
    assert.equal(rest.evaluations.length, 10);
    assert.equal(new Set([...data.evaluations, ...rest.evaluations].map(({ slot }) => slot)).size, 30);
    assert.equal((await fixture.send('get', '/rules/g%2FNone/evaluations')).status, 404);
  });
});
