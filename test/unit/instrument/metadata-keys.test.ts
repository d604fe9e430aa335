import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KeepwatchError } from '../../../src/errors.ts';
import { boundedMembers } from '../../../src/instrument/bounded-json.ts';
import { createMetadataKeys, DENIED_CREDENTIALS, type MetadataKeyLists } from '../../../src/instrument/metadata-keys.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { Tracked } from '../../support/tracked.ts';

function kept(metadata: unknown, lists: MetadataKeyLists): unknown {
  return JSON.parse(`{${boundedMembers(metadata, { keys: createMetadataKeys(lists) }).members}}`);
}

const PERSON = { user: { email: 'a@b.example', plan: 'pro', card: { number: '4111' } }, tenant: 't1' };

describe('createMetadataKeys', () => {
  const denied: [string, string[], unknown, unknown][] = [
    ['a key, wherever it stands', ['email'], { email: 1, a: [{ b: { email: 2, c: 3 } }] }, { a: [{ b: { c: 3 } }] }],
    ['any spelling of it', ['user_id'], { userId: 1, 'User-Id': 2, USER_ID: 3, user_ids: 4 }, { user_ids: 4 }],
    ['what begins so', ['card*'], { card: 1, cardNumber: 2, discard: 3 }, { discard: 3 }],
    ['what ends so', ['*_name'], { first_name: 1, name_of: 2 }, { name_of: 2 }],
    ['what contains it', ['*mail*'], { mail: 1, emails: 2, mall: 3 }, { mall: 3 }],
    ['everything', ['*'], { a: 1, b: { c: 2 } }, {}],
    ['a path', ['user.email'], PERSON, { user: { plan: 'pro', card: { number: '4111' } }, tenant: 't1' }],
    [
      'the end of a path, through arrays',
      ['card.number'],
      { list: [PERSON] },
      { list: [{ ...PERSON, user: { ...PERSON.user, card: {} } }] },
    ],
    ['a key with a dot in it', ['user.email'], { 'user.email': 1, 'User.E-Mail': 2, 'user.id': 3 }, { 'user.id': 3 }],
    ['all below a key', ['user.*'], PERSON, { user: {}, tenant: 't1' }],
    ['what toJSON gives', ['email'], { who: { toJSON: () => ({ email: 1, id: 2 }) } }, { who: { id: 2 } }],
    ['a key that is too long to compare', ['x'], { ['y'.repeat(1001)]: 1, z: 2 }, { z: 2 }],
  ];
  for (const [title, deny, metadata, expected] of denied) {
    it(`denies ${title}`, () => assert.deepEqual(kept(metadata, { deny }), expected));
  }

  const allowed: [string, string[], unknown, unknown][] = [
    [
      'a key at the top alone, with all in it',
      ['tenant', 'a'],
      { tenant: 't1', a: { b: 1 }, c: { tenant: 2 } },
      { tenant: 't1', a: { b: 1 } },
    ],
    ['a path, and nothing beside it', ['user.plan'], PERSON, { user: { plan: 'pro' } }],
    ['all below a path', ['user.card.*'], PERSON, { user: { card: { number: '4111' } } }],
    ['what begins so', ['http*'], { httpVersion: 1, http_path: 2, other: 3 }, { httpVersion: 1, http_path: 2 }],
    [
      'objects of an array, but no bare items',
      ['users.plan'],
      { users: ['x', { plan: 'p', email: 'e' }] },
      { users: [null, { plan: 'p' }] },
    ],
    ['no text in the place of an object', ['user.plan', 'at.x'], { user: 'bob', at: new Date(0) }, {}],
    [
      'what Keepwatch adds itself',
      ['x'],
      { item_count: 1, 'keepwatch.abandoned': true, input_tokens: 2, y: 3 },
      { item_count: 1, 'keepwatch.abandoned': true, input_tokens: 2 },
    ],
  ];
  for (const [title, allow, metadata, expected] of allowed) {
    it(`allows ${title}`, () => assert.deepEqual(kept(metadata, { allow }), expected));
  }

  it('denies what is allowed too', () => {
    assert.deepEqual(kept(PERSON, { allow: ['user'], deny: ['email', 'card'] }), { user: { plan: 'pro' } });
  });

  it('denies credentials unless told not to, and keeps counts of tokens', () => {
    const request = {
      headers: { authorization: 'Bearer x', 'set-cookie': 'y', accept: '*/*' },
      dbPassword: 'z',
      apiKey: 'k',
      max_tokens: 9,
    };
    assert.deepEqual(kept(request, {}), { headers: { accept: '*/*' }, max_tokens: 9 });
    assert.deepEqual(kept(request, { deny: ['accept'] }), { headers: {}, max_tokens: 9 });
    assert.deepEqual(kept(request, { deny: 'none' }), request);
    assert.equal(createMetadataKeys({ deny: 'none' }), undefined);
  });

  it('never reads what it denies', () => {
    const trap = {
      get email(): never {
        return assert.fail('read');
      },
      a: 1,
    };
    assert.deepEqual(kept(trap, { deny: ['email'] }), { a: 1 });
    assert.deepEqual(kept(trap, { allow: ['a'] }), { a: 1 });
  });

  it('says nothing of truncation when it leaves out', () => {
    const keys = createMetadataKeys({ deny: ['body'] });
    assert.deepEqual(boundedMembers({ body: 'x'.repeat(1e6), a: 1 }, { keys }), { members: '"a":1', isTruncated: false });
  });

  it('stays bounded on a million denied keys', () => {
    const keys = createMetadataKeys({ deny: ['k*'] });
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, 1]));
    assert.deepEqual(boundedMembers(many, { keys }), { members: '"keepwatch.truncated":true', isTruncated: true });
  });

  it('refuses what is no pattern', () => {
    const isInvalid = (error: unknown) => error instanceof KeepwatchError && error.code === 'ERR_CONFIG_INVALID';
    for (const pattern of ['', 'a*b', '**a', 'x'.repeat(201)]) {
      assert.throws(() => createMetadataKeys({ deny: [pattern] }), isInvalid, pattern);
      assert.throws(() => new ObservabilityTracker({ service: 'test', metadataAllow: [pattern] }), isInvalid, pattern);
    }
  });

  it('keeps, of any JSON, no denied key and every other one', () => {
    const json = fc.jsonValue({ depthSize: 'medium', maxDepth: 4 });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'secret', 'User_Id', 'c.d'), json), json, (metadata, planted) => {
        const given = { ...metadata, x: { secret: planted, a: [{ userId: planted, b: 1 }] } };
        const plain = boundedMembers(given, {});
        fc.pre(!plain.isTruncated);
        assert.deepEqual(kept(given, { deny: ['user_id'] }), without(JSON.parse(`{${plain.members}}`)));
      }),
    );
  });
});

/** By another way: what the lists should leave. */
function without(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(without);
  if (typeof json !== 'object' || json === null) return json;
  const isDenied = (key: string) => /(secret|password)$|^user[_-]*id$/i.test(key);
  return Object.fromEntries(Object.entries(json).flatMap(([key, value]) => (isDenied(key) ? [] : [[key, without(value)]])));
}

describe('ObservabilityTracker with lists of metadata keys', () => {
  it('leaves a denied key out of metadata, of labels and of what is exported, however it is given', async () => {
    const subject = new Tracked({ metadataDeny: ['email', 'tenant_id', 'workspace'] });
    const { tracker } = subject;
    const metadata = { email: 'HIDDEN', shown: 1 };
    tracker.track({ type: 'agent', name: 'a', labels: { workspace: 'HIDDEN' }, metadata }, () => 1)();
    tracker.measure({ type: 'llm', name: 'l', labels: { tenant_id: 'HIDDEN', provider: 'acme' } }, (execution) =>
      execution.set({ user: metadata }),
    );
    tracker
      .start({ type: 'tool', name: 't', labels: { email: 'HIDDEN' }, metadata })
      .set({ tenantId: 'HIDDEN' })
      .end();
    tracker.record({ type: 'tool', name: 't' }, { durationMs: 1, metadata });
    tracker.endExecution(tracker.startExecution('e', metadata), { metadata });
    const events = subject.events();
    assert.equal(events.length, 5);
    assert.doesNotMatch(JSON.stringify(events), /HIDDEN/);
    const exported = await tracker.registry.metrics();
    assert.doesNotMatch(exported, /HIDDEN/);
    assert.match(exported, /provider="acme"/);
    assert.deepEqual(events[1]?.metadata, { provider: 'acme', user: { shown: 1 } });
  });

  it('keeps the real labels of one of too many, but not those that are denied', () => {
    const subject = new Tracked({ metadataAllow: ['shown'], metadataDeny: ['model'], ringCapacity: 8192 });
    for (let index = 0; index < 1500; index++) {
      const labels = { provider: `p${index}`, model: 'HIDDEN', other: 'x' };
      subject.tracker.start({ type: 'llm', name: `c${index}`, labels, metadata: { shown: 1, hidden: 2 } }).end();
    }
    const last = subject.events().at(-1);
    assert.equal(last?.metadata['provider'], 'p1499');
    assert.equal(last?.metadata['shown'], 1);
    assert.doesNotMatch(JSON.stringify(last?.metadata), /HIDDEN|hidden|other/);
  });

  it('makes no label of metadata', async () => {
    const { tracker } = new Tracked({ metadataDeny: 'none' });
    tracker.measure({ type: 'agent', name: 'a', metadata: { user_id: 'MARK', workspace: 'MARK' } }, (execution) => {
      execution.set({ status: 'MARK', password: 'MARK' });
    });
    assert.doesNotMatch(await tracker.registry.metrics(), /MARK|user_id|password/);
  });

  it('knows credentials by patterns that are patterns', () => assert.ok(createMetadataKeys({ deny: DENIED_CREDENTIALS })));
});
