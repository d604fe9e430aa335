// Budgets over HTTP: who may write, what is no budget, and who wins when many write at once.
import assert from 'node:assert/strict';
import type { Budget, BudgetChange } from '../../../src/alerts/definitions/budgets.ts';
import { type AlertsApiFixture, openAlertsApi, TOKEN } from '../../support/alerts-api.ts';

const SEARCH = { name: 'search team', scope: { team: 'search' }, period: 'month', timezone: 'Europe/Berlin', limit_usd: 120.5 };

describe('the API of budgets', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
  });
  after(() => fixture.close());
  beforeEach(() => fixture.database.multi('delete from keepwatch.budgets; delete from keepwatch.alert_audit'));

  const path = `/budgets/${encodeURIComponent(SEARCH.name)}`;
  const create = (body: unknown = SEARCH) => fixture.send<Budget>('post', '/budgets', { body });

  it('makes, reads, changes and removes one, with its version', async () => {
    const made = await create();
    assert.equal(made.status, 201, made.error);
    assert.equal(made.headers.get('etag'), '"1"');
    const { created_at, updated_at, ...budget } = made.data;
    assert.deepEqual(budget, { ...SEARCH, enabled: true, version: 1, warnings: [] });
    assert.equal(created_at, updated_at);

    const { name: _, ...draft } = { ...SEARCH, limit_usd: 200, enabled: false };
    const changed = await fixture.send<Budget>('put', path, { body: draft, headers: { 'if-match': '"1"' } });
    assert.deepEqual([changed.status, changed.data.limit_usd, changed.data.enabled, changed.data.version], [200, 200, false, 2]);
    assert.equal((await fixture.send<Budget>('get', path)).headers.get('etag'), '"2"');
    assert.deepEqual((await fixture.send<Budget[]>('get', '/budgets')).data, [changed.data]);

    assert.equal((await fixture.send('delete', `${path}?version=1`)).status, 409);
    assert.equal((await fixture.send('delete', `${path}?version=2`)).status, 200);
    assert.equal((await fixture.send('get', path)).status, 404);
    assert.equal((await fixture.send('delete', `${path}?version=2`)).status, 404);
  });

  it('records who changed one, and how; what was refused, it does not', async () => {
    const as = (actor: string, version: number) => ({ 'keepwatch-actor': actor, 'if-match': `"${version}"` });
    assert.equal((await fixture.send('get', `${path}/changes`)).status, 404);
    await fixture.send('post', '/budgets', { body: SEARCH, headers: { 'keepwatch-actor': 'ann' } });
    const { name: _, ...draft } = SEARCH;
    const raised = { ...draft, limit_usd: 200 };
    assert.equal((await fixture.send('put', path, { body: raised, headers: as('bob', 1) })).status, 200);
    assert.equal((await fixture.send('put', path, { body: draft, headers: as('eve', 1) })).status, 409);
    assert.equal((await fixture.send('put', path, { body: { ...draft, limit_usd: 0 }, headers: as('eve', 2) })).status, 400);
    assert.equal((await fixture.send('delete', `${path}?version=2`)).status, 200);
    const { data } = await fixture.send<BudgetChange[]>('get', `${path}/changes`);
    const [first, second] = [
      { ...draft, enabled: true, version: 1 },
      { ...raised, enabled: true, version: 2 },
    ];
    assert.deepEqual(
      data.map(({ action, actor, version, before, after }) => ({ action, actor, version, before, after })),
      [
        { action: 'delete', actor: 'api', version: 2, before: second, after: null },
        { action: 'update', actor: 'bob', version: 2, before: first, after: second },
        { action: 'create', actor: 'ann', version: 1, before: null, after: first },
      ],
    );
    assert.ok(data.every(({ at }) => Math.abs(Date.parse(at) - Date.now()) < 600_000));
  });

  it('lets one of 20 that write at once win each version, and tells the others how it stands', async () => {
    await create();
    const { name: _, ...draft } = SEARCH;
    for (let version = 1; version <= 3; version++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_unused, writer) =>
          fixture.send<Budget>('put', path, {
            body: { ...draft, limit_usd: 1000 * version + writer + 1 },
            headers: { 'if-match': `"${version}"` },
          }),
        ),
      );
      const winners = answers.filter(({ status }) => status === 200);
      assert.equal(winners.length, 1, answers.map(({ status }) => status).join());
      assert.ok(answers.every(({ status }) => status === 200 || status === 409));
      const { data } = await fixture.send<Budget>('get', path);
      assert.deepEqual(data, winners[0]?.data);
      assert.equal(data.version, version + 1);
    }
    const made = await Promise.all(Array.from({ length: 20 }, () => create({ ...SEARCH, name: 'another' })));
    assert.deepEqual(
      made.map(({ status }) => status).sort((a, b) => a - b),
      [201, ...Array.from({ length: 19 }, () => 409)],
    );
  });

  const refused: [what: string, body: unknown, says: RegExp][] = [
    [
      'an unknown key',
      { ...SEARCH, limt_usd: 3 },
      /^limt_usd: unknown; allowed: name, scope, period, timezone, limit_usd, enabled$/,
    ],
    [
      'all at once',
      { name: '', period: 'year', limit_usd: -1 },
      /name: got "".*period: got "year"; allowed: day, week, month.*limit_usd: got -1/s,
    ],
    ['nothing', {}, /period: got nothing; allowed: day/],
    ['a list', [], /the body: got \[\]; allowed: an object/],
    ['a zone that is none', { ...SEARCH, timezone: 'Mars/Phobos' }, /timezone: got "Mars\/Phobos"; allowed: a name of the IANA/],
    ['an offset, whose sign Postgres turns round', { ...SEARCH, timezone: '+05:00' }, /timezone: got "\+05:00"/],
    ['a statement for a zone', { ...SEARCH, timezone: "UTC'; drop schema keepwatch cascade; --" }, /timezone/],
    ['NUL in a scope', { ...SEARCH, scope: { team: 'a\0b' } }, /scope\.team: got "a\\u0000b"/],
    ['half of a surrogate pair', { ...SEARCH, name: 'a\ud800' }, /name: got "a\\ud800"/],
    ['an object in a scope', { ...SEARCH, scope: { team: { $ne: 1 } } }, /scope\.team/],
    ['too large a number', { ...SEARCH, limit_usd: 1e13 }, /limit_usd: got 10000000000000/],
  ];
  for (const [what, body, says] of refused) {
    it(`refuses ${what}`, async () => {
      const { status, errorType, error } = await create(body);
      assert.deepEqual([status, errorType], [400, 'bad_data']);
      assert.match(error ?? '', says);
      assert.deepEqual((await fixture.send('get', '/budgets')).data, []);
    });
  }

  it('keeps a member __proto__ of a scope out of every object', async () => {
    const response = await fetch(`${fixture.api.url}/budgets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: '{"name":"p","period":"day","limit_usd":1,"scope":{"__proto__":{"polluted":true}}}',
    });
    await response.body?.cancel();
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('wants to know which version is changed', async () => {
    await create();
    const { name: _, ...body } = SEARCH;
    assert.match((await fixture.send('put', path, { body })).error ?? '', /^If-Match: got nothing; allowed: the header If-Match/);
    assert.match((await fixture.send('put', path, { body, headers: { 'if-match': '*' } })).error ?? '', /^If-Match: got "\*"/);
    assert.equal((await fixture.send('put', `${path}?version=2`, { body, headers: { 'if-match': '"1"' } })).status, 400);
    assert.equal((await fixture.send('put', `${path}?version=1`, { body, headers: { 'if-match': '"1"' } })).status, 200);
  });
});

describe('bodies and senders that the API refuses', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
  });
  after(() => fixture.close());

  const post = async (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) => {
    const response = await fetch(`${fixture.api.url}/budgets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      body,
    });
    const { errorType, error } = (await response.json()) as { errorType: string; error: string };
    return { status: response.status, errorType, error };
  };
  const none = async () => assert.deepEqual((await fixture.send('get', '/budgets')).data, []);

  const bodies: [what: string, body: string | Uint8Array<ArrayBuffer>, status: number, says: RegExp][] = [
    ['nothing', '', 400, /is no JSON/],
    ['half of one', '{"name":', 400, /is no JSON/],
    ['what is no UTF-8', Uint8Array.of(0x22, 0xff, 0xfe, 0x22), 400, /is no UTF-8/],
    ['more than 256 KiB', JSON.stringify({ name: 'x'.repeat(300_000) }), 413, /too large; allowed: 262144 bytes/],
    ['100,000 levels', '['.repeat(100_000) + ']'.repeat(100_000), 400, /too deep; allowed: 32 levels/],
  ];
  for (const [what, body, status, says] of bodies) {
    it(`refuses ${what}`, async () => {
      const answer = await post(body);
      assert.equal(answer.status, status);
      assert.match(answer.error, says);
      await none();
    });
  }

  it('refuses what is no JSON by its type', async () => {
    const body = JSON.stringify(SEARCH);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp']) {
      const answer = await post(body, { 'content-type': type });
      assert.deepEqual([answer.status, answer.errorType], [415, 'unsupported_media_type']);
    }
    await none();
  });

  it('refuses pages of other sites, by all that browsers send', async () => {
    const body = JSON.stringify(SEARCH);
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const answer = await post(body, headers);
      assert.deepEqual([answer.status, answer.errorType], [403, 'forbidden'], JSON.stringify(headers));
    }
    await none();
  });

  it('refuses who has no token, and reads for them neither', async () => {
    const body = JSON.stringify(SEARCH);
    assert.equal((await post(body, { authorization: '' })).status, 401);
    assert.equal((await post(body, { authorization: 'Bearer wrong' })).status, 401);
    await none();
  });

  it('writes nothing where no token is configured, and says how to allow it', async () => {
    const open = await openAlertsApi('groups: []', { token: undefined });
    try {
      assert.equal((await open.api.get('/budgets')).status, 200);
      for (const [method, path] of [
        ['post', '/budgets'],
        ['put', '/budgets/a'],
        ['delete', '/budgets/a'],
        ['post', '/alerts/forget'],
        ['post', '/silences'],
        ['put', '/silences/a'],
        ['delete', '/silences/a'],
        ['post', '/alerts/a/acknowledgement'],
        ['delete', '/alerts/a/acknowledgement'],
        ['post', '/rules'],
        ['post', '/rules/preview'],
        ['put', '/rules/a'],
        ['delete', '/rules/a'],
        ['post', '/rules/a/disable'],
      ] as const) {
        const { status, error } = await open.api.send(method, path, { body: SEARCH });
        assert.equal(status, 403, `${method} ${path}`);
        assert.match(error ?? '', /without KEEPWATCH_AUTH_TOKEN the API only reads; to write, set it/);
      }
    } finally {
      await open.close();
    }
  });
});
