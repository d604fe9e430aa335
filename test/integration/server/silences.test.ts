// Silences over HTTP: made, changed, ended, with a record of it; what is none; and those that hold, for whoever delivers.
import assert from 'node:assert/strict';
import { listActiveSilences } from '../../../src/alerts/delivery/active-silences.ts';
import type { ActiveSilence } from '../../../src/alerts/delivery/group-flush.ts';
import { createSilences, MAX_SILENCES, type Silence, type SilenceChange } from '../../../src/alerts/delivery/silences.ts';
import { matchesAll } from '../../../src/routing/matcher.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { waitFor } from '../../support/wait-for.ts';

const HOUR = 3_600_000;
const SHOP = { name: 'service', value: 'shop', isRegex: false, isEqual: true };
const DEPLOY = { matchers: ['service="shop"'], duration: '2h', createdBy: 'ana', comment: 'deploy' };
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

describe('the API of silences', function () {
  this.timeout(60_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
  });
  after(() => fixture.close());
  beforeEach(() => fixture.database.multi('delete from keepwatch.alert_silence; delete from keepwatch.alert_audit'));

  const create = (body: unknown = DEPLOY, headers = {}) => fixture.send<Silence>('post', '/silences', { body, headers });
  const replace = (id: string, version: number, body: unknown) =>
    fixture.send<Silence>('put', `/silences/${id}`, { body, headers: { 'if-match': `"${version}"` } });
  const list = async (query = '') =>
    (await fixture.send<{ silences: Silence[]; cursor?: string }>('get', `/silences${query}`)).data;
  const comments = async (query = '') => (await list(query)).silences.map(({ comment }) => comment);
  /** How many statements wait for a lock. */
  const waiting = async () =>
    (
      await fixture.database.one<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
    ).count;
  const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();
  const isAbout = (given: string | undefined, ms: number) => Math.abs(Date.parse(given ?? '') - Date.now() - ms) < 60_000;

  it('makes, reads, changes and ends one, with its version', async () => {
    const made = await create();
    assert.equal(made.status, 201, made.error);
    assert.equal(made.headers.get('etag'), '"1"');
    const { id, startsAt, endsAt, createdAt, updatedAt, ...silence } = made.data;
    assert.deepEqual(silence, {
      status: { state: 'active' },
      matchers: [SHOP],
      createdBy: 'ana',
      comment: 'deploy',
      version: 1,
    });
    assert.equal(Date.parse(endsAt) - Date.parse(startsAt), 2 * HOUR);
    assert.ok(isAbout(startsAt, 0));
    assert.equal(createdAt, updatedAt);

    const longer = await replace(id, 1, {
      ...DEPLOY,
      matchers: [SHOP, 'env!~"test.*"'],
      duration: '5h',
      comment: 'a long deploy',
    });
    assert.equal(longer.status, 200, longer.error);
    assert.equal(longer.data.startsAt, startsAt, 'it has begun when it did');
    assert.ok(isAbout(longer.data.endsAt, 5 * HOUR), 'and holds so long from now on');
    assert.deepEqual(longer.data.matchers[1], { name: 'env', value: 'test.*', isRegex: true, isEqual: false });
    assert.deepEqual((await fixture.send('get', `/silences/${id}`)).data, longer.data);
    assert.deepEqual((await list()).silences, [longer.data]);

    assert.equal((await fixture.send('delete', `/silences/${id}?version=1`)).status, 409);
    const ended = await fixture.send<Silence>('delete', `/silences/${id}?version=2`);
    assert.deepEqual([ended.status, ended.data.status.state, ended.data.version], [200, 'expired', 3]);
    const again = await fixture.send<Silence>('delete', `/silences/${id}?version=3`);
    assert.deepEqual([again.status, again.data], [200, ended.data], 'what is over stays as it is');
    assert.deepEqual([await comments(), await comments('?state=expired')], [[], ['a long deploy']]);
  });

  it('records who changed one, and how; what was refused, it does not', async () => {
    const { data } = await create(DEPLOY, { 'keepwatch-actor': 'ben' });
    await replace(data.id, 1, { ...DEPLOY, comment: 'slow deploy' });
    await replace(data.id, 1, { ...DEPLOY, comment: 'lost' });
    await replace(data.id, 2, { ...DEPLOY, createdBy: '' });
    await fixture.send('delete', `/silences/${data.id}?version=2`);
    await fixture.send('delete', `/silences/${data.id}?version=3`);
    const changes = (await fixture.send<SilenceChange[]>('get', `/silences/${data.id}/changes`)).data;
    assert.deepEqual(
      changes.map(({ action, actor, version, before, after }) => [
        action,
        actor,
        version,
        before?.['comment'],
        after?.['comment'],
      ]),
      [
        ['expire', 'api', 3, 'slow deploy', 'slow deploy'],
        ['update', 'api', 2, 'deploy', 'slow deploy'],
        ['create', 'ben', 1, undefined, 'deploy'],
      ],
    );
    assert.deepEqual(changes[2]?.after?.['matchers'], [SHOP]);
    assert.equal((await fixture.send('get', `/silences/${UNKNOWN}/changes`)).status, 404);
  });

  it('lets one of 3 processes that change the same version at once win', async () => {
    const { data } = await create();
    // Of one process the API takes one after the other: these have all seen the version before any of them changes it.
    const lock = await fixture.database.connect();
    await lock.multi('begin; select from keepwatch.alert_silence for update');
    const store = createSilences(fixture.database);
    const changes = ['a', 'b', 'c'].map((comment) => store.replace(data.id, 1, { ...DEPLOY, comment }, 'test'));
    try {
      await waitFor(async () => (await waiting()) === 3, { timeoutMs: 10_000, what: 'three changes that wait for each other' });
    } finally {
      await lock.none('rollback');
      await lock.done();
    }
    const outcomes = await Promise.all(changes);
    const winners = outcomes.flatMap((outcome) => (outcome.outcome === 'done' ? [outcome.current] : []));
    assert.deepEqual([winners.length, outcomes.filter(({ outcome }) => outcome === 'conflict').length], [1, 2]);
    assert.deepEqual((await fixture.send('get', `/silences/${data.id}`)).data, winners[0]);
    assert.equal((await fixture.send<SilenceChange[]>('get', `/silences/${data.id}/changes`)).data.length, 2);
  });

  it('knows pending, active and expired, by the clock of Postgres', async () => {
    await create({ ...DEPLOY, comment: 'now' });
    const later = await create({ ...DEPLOY, comment: 'later', startsAt: fromNow(HOUR), createdBy: 'ben' });
    assert.deepEqual([later.data.status.state, isAbout(later.data.endsAt, 3 * HOUR)], ['pending', true]);
    const early = await create({
      ...DEPLOY,
      comment: 'early',
      startsAt: fromNow(-HOUR),
      endsAt: fromNow(HOUR),
      duration: undefined,
    });
    assert.ok(isAbout(early.data.startsAt, 0), 'what begins in the past begins now');
    assert.deepEqual(await comments(), ['later', 'now', 'early']);
    assert.deepEqual(await comments('?state=pending'), ['later']);
    assert.deepEqual(await comments('?state=active'), ['now', 'early']);
    assert.deepEqual(await comments('?created_by=ben'), ['later']);
    const postponed = await replace(early.data.id, 1, { ...DEPLOY, startsAt: fromNow(2 * HOUR), comment: 'early' });
    assert.equal(postponed.data.status.state, 'pending');
    const ended = await fixture.send<Silence>('delete', `/silences/${later.data.id}?version=1`);
    assert.equal(ended.data.status.state, 'expired');
    assert.equal(ended.data.startsAt, ended.data.endsAt, 'one that never began ends before it begins');
  });

  it('finds silences by what they ask for, and page by page', async () => {
    for (const [index, service] of ['shop', 'chat', 'shop', 'mail', 'shop'].entries())
      await create({
        ...DEPLOY,
        matchers: [`service="${service}"`, 'env="prod"'],
        duration: `${index + 1}h`,
        comment: `${service} ${index}`,
      });
    assert.deepEqual(await comments('?filter=service%3D%22shop%22'), ['shop 4', 'shop 2', 'shop 0']);
    assert.deepEqual(await comments('?filter=service%3D~%22chat%7Cmail%22,env%3Dprod'), ['mail 3', 'chat 1']);
    for (const [filter, expected] of [
      ['', ['shop 4', 'mail 3', 'shop 2', 'chat 1', 'shop 0']],
      ['&filter=service%3D%22shop%22', ['shop 4', 'shop 2', 'shop 0']],
    ] as const) {
      const pages: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list(`?limit=2${filter}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
        assert.ok(page.silences.length > 0, 'no page behind the last one');
        pages.push(...page.silences.map(({ comment }) => comment));
        cursor = page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(pages, expected);
    }
    for (const [query, says] of [
      [
        '?filter=service',
        /^filter: got "service"; expected =, !=, =~, !~|^filter: got "service"; expected .* at character 8, found the end/,
      ],
      ['?cursor=abc', /^cursor: got "abc"; allowed: what an earlier answer gave/],
      [`?cursor=${Buffer.from('[1,"2026-02-31T00:00:00.000000Z","x"]').toString('base64url')}`, /^cursor: got/],
      [`?cursor=${Buffer.from(`[1,"2026-02-31T00:00:00.000000Z","${UNKNOWN}"]`).toString('base64url')}`, /^cursor: got/],
      ['?state=over', /^state: got "over"; allowed: pending, active, expired/],
    ] as const) {
      const { status, error } = await fixture.send('get', `/silences${query}`);
      assert.equal(status, 400, query);
      assert.match(error ?? '', says);
    }
  });

  const refused: [what: string, body: unknown, says: RegExp][] = [
    [
      'all at once',
      { matchers: ['a=~"("', 'b='], duration: '0s', comment: ' ', createdBy: 'a\nb' },
      /^matchers\[0\]: got "a=~\\"\(\\""; a: "\(" is no regular expression of RE2: .*; matchers\[1\]: got "b="; expected a value at character 3, found the end; .*duration: got "0s".*createdBy: got "a\\nb".*comment: got " "/s,
    ],
    [
      'an unknown key',
      { ...DEPLOY, ends_at: fromNow(HOUR) },
      /^ends_at: unknown; allowed: matchers, startsAt, endsAt, duration, createdBy, comment$/,
    ],
    [
      'an unknown key of a matcher',
      { ...DEPLOY, matchers: [{ ...SHOP, regex: true }] },
      /^matchers\[0\]\.regex: unknown; allowed: name, value, isRegex, isEqual$/,
    ],
    ['no matcher', { ...DEPLOY, matchers: [] }, /^matchers: got \[\]; allowed: a list of 1 to 32 matchers/],
    [
      'braces around nothing',
      { ...DEPLOY, matchers: ['{}'] },
      /^matchers: got \["\{\}"\]; allowed: matchers of which one at least does not match a label that is not there/,
    ],
    [
      'what is true of labels that are not there',
      { ...DEPLOY, matchers: ['a!="b"', 'c=~".*"', 'd=""'] },
      /these would mute every alert/,
    ],
    [
      '33 matchers in one text',
      { ...DEPLOY, matchers: [Array.from({ length: 33 }, (_, n) => `l${n}=x`).join(',')] },
      /there are 33; allowed: at most 32/,
    ],
    [
      'expressions that take seconds to read',
      { ...DEPLOY, matchers: Array.from({ length: 4 }, () => `a=~"${'(?i)[a-z]'.repeat(200)}"`) },
      /^matchers: got .*; allowed: at most 4000 characters, of all of them together/,
    ],
    ['an expression that explodes', { ...DEPLOY, matchers: ['a=~"((x{1000}){1000}){1000}"'] }, /is no regular expression of RE2/],
    [
      'NUL behind an escape',
      { ...DEPLOY, matchers: ['a="\\x00"'] },
      /^matchers\[0\]: got .*holds NUL or half of a surrogate pair/,
    ],
    ['half of a surrogate pair', { ...DEPLOY, comment: 'a\ud800' }, /^comment: got "a\\ud800"/],
    [
      'no end',
      { ...DEPLOY, duration: undefined },
      /^endsAt: got nothing; allowed: endsAt with a time, or duration with how long, and not both/,
    ],
    ['two ends', { ...DEPLOY, endsAt: fromNow(HOUR) }, /^endsAt: got ".*"; allowed: endsAt with a time, or duration/],
    [
      'an end in the past',
      { ...DEPLOY, duration: undefined, endsAt: '2026-01-01T00:00:00Z' },
      /^endsAt: got 2026-01-01T00:00:00.000Z; allowed: later than now, .* by the clock of Postgres$/,
    ],
    [
      'an end before the beginning',
      { ...DEPLOY, duration: undefined, startsAt: fromNow(2 * HOUR), endsAt: fromNow(HOUR) },
      /^endsAt: got .*; allowed: later than startsAt, /,
    ],
    [
      'a day that is none',
      { ...DEPLOY, startsAt: '2026-02-31T00:00:00Z' },
      /^startsAt: got "2026-02-31T00:00:00Z"; allowed: a time as RFC 3339/,
    ],
    ['a year that Postgres does not know', { ...DEPLOY, startsAt: '0001-01-01T00:00:00Z' }, /^startsAt: got "0001/],
    ['nobody', { ...DEPLOY, createdBy: undefined }, /^createdBy: got nothing; allowed: who makes it/],
    ['a list', [], /^the body: got \[\]; allowed: an object with matchers/],
  ];
  for (const [what, body, says] of refused) {
    it(`refuses ${what}`, async () => {
      const { status, errorType, error } = await create(body);
      assert.deepEqual([status, errorType], [400, 'bad_data']);
      assert.match(error ?? '', says);
      assert.deepEqual((await list()).silences, []);
    });
  }

  it('changes none that is over, gone, or of another version', async () => {
    const { data } = await create();
    assert.match((await fixture.send('put', `/silences/${data.id}`, { body: DEPLOY })).error ?? '', /^If-Match: got nothing/);
    assert.equal((await replace(UNKNOWN, 1, DEPLOY)).status, 404);
    assert.equal((await fixture.send('get', `/silences/${UNKNOWN}`)).status, 404);
    assert.match((await fixture.send('get', '/silences/deploy')).error ?? '', /^id: got "deploy"; allowed: an id, as a uuid/);
    await fixture.send('delete', `/silences/${data.id}?version=1`);
    assert.equal((await replace(data.id, 1, DEPLOY)).status, 409);
    const over = await replace(data.id, 2, DEPLOY);
    assert.equal(over.status, 400);
    assert.match(over.error ?? '', /^the silence is over since .*; allowed: to make a new one$/);
  });

  it('refuses one too many', async () => {
    await fixture.database.none(
      `insert into keepwatch.alert_silence (matchers, starts_at, ends_at, created_by, comment)
       select '[]', now(), now() + case n when 1 then interval '-1 second' else interval '1 hour' end + interval '1 s' , 'test', n::text
       from generate_series(1, $<most>) as n`,
      { most: MAX_SILENCES },
    );
    await fixture.database.none(
      `update keepwatch.alert_silence set starts_at = now() - interval '1 minute', ends_at = now() where comment = '1'`,
    );
    assert.equal((await create()).status, 201, 'one that is over does not count');
    const { status, error } = await create();
    assert.deepEqual([status, error], [400, 'there are 10000 silences already that are not over; allowed: no more']);
  });

  it('wants the token to write, and to read', async () => {
    for (const [method, path] of [
      ['post', '/silences'],
      ['put', `/silences/${UNKNOWN}`],
      ['delete', `/silences/${UNKNOWN}?version=1`],
      ['get', '/silences'],
    ] as const) {
      const { status } = await fixture.api.send(method, path, method === 'get' ? {} : { body: DEPLOY });
      assert.equal(status, 401, path);
    }
    assert.deepEqual((await list()).silences, []);
  });

  it('gives whoever delivers those that hold, and reads each once', async () => {
    const shop = await create();
    await create({ ...DEPLOY, matchers: ['env=~"prod|stage"', 'team!="db"'] });
    await create({ ...DEPLOY, startsAt: fromNow(HOUR) });
    const over = await create();
    await fixture.send('delete', `/silences/${over.data.id}?version=1`);
    const known = new Map<string, ActiveSilence>();
    const active = await listActiveSilences(fixture.database, known);
    const isMuted = (labels: Record<string, string>) => active.some(({ matchers }) => matchesAll(matchers, labels));
    assert.equal(active.length, 2);
    assert.deepEqual(
      [{ service: 'shop' }, { service: 'chat' }, { env: 'stage' }, { env: 'stage', team: 'db' }, { env: 'prod2' }].map(isMuted),
      [true, false, true, false, false],
    );
    assert.deepEqual([...known.values()], active);
    await replace(shop.data.id, 1, { ...DEPLOY, matchers: ['service="chat"'] });
    const next = await listActiveSilences(fixture.database, known);
    const before = new Set(active);
    assert.deepEqual(
      [next.length, next.filter((silence) => before.has(silence)).length],
      [2, 1],
      'what has changed is read anew',
    );
    await fixture.database.none(
      `update keepwatch.alert_silence set matchers = '[{"name": "a", "value": "(", "isRegex": true, "isEqual": true}]', version = 9`,
    );
    assert.deepEqual(await listActiveSilences(fixture.database, known), [], 'what cannot be read mutes nothing');
  });
});
