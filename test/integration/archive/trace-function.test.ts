// keepwatch.trace: whatever spans say of their parents, each is told once, and is found by its index.
import assert from 'node:assert/strict';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

describe('keepwatch.trace', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());
  beforeEach(() => test.database.none('truncate keepwatch.observability_metrics'));

  /** Spans as `[own, parent, second of its start]`; ids are a hexadecimal digit. */
  async function insert(spans: readonly (readonly [string, string | null, number])[], at = 'now()'): Promise<void> {
    for (const [own, parent, second] of spans) {
      await test.database.none(
        `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, trace_id, name, type, status, service, span_id, parent_span_id)
        select gen_random_uuid(), began, began + interval '1 second', 1000, 1, $<trace>, $<own>, 'tool', 'success', 'test',
          decode(repeat($<own>, 16), 'hex'), decode(repeat($<parent>, 16), 'hex')
        from (select ${at} - interval '1 minute' + $<second> * interval '1 second' as began) as times`,
        { trace: TRACE_ID, own, parent, second },
      );
    }
  }

  async function tree(arguments_ = `'${TRACE_ID}'`): Promise<string[]> {
    const rows = await test.database.any<{ depth: number; span: string }>(
      `select depth, span from keepwatch.trace(${arguments_})`,
    );
    return rows.map(({ depth, span }) => `${depth}${span}`);
  }

  it('puts each span below its parent, by start', async () => {
    await insert([
      ['c', 'a', 3],
      ['a', null, 0],
      ['d', 'b', 2],
      ['b', 'a', 1],
    ]);
    assert.deepEqual(await tree(), ['0tool a', '1  tool b', '2    tool d', '1  tool c']);
    assert.deepEqual(await tree(`upper('${TRACE_ID}')::uuid::text`), await tree());
  });

  it('takes a span whose parent is elsewhere, itself, or its own child, for a root', async () => {
    await insert([
      ['a', 'f', 0],
      ['b', 'b', 1],
      ['c', 'd', 2],
      ['d', 'c', 3],
    ]);
    assert.deepEqual(await tree(), ['0tool a', '0tool b', '0tool c', '0tool d']);
  });

  it('tells a child of two spans with one id once', async () => {
    await insert([
      ['a', null, 0],
      ['a', null, 1],
      ['b', 'a', 2],
    ]);
    assert.deepEqual(await tree(), ['0tool a', '1  tool b', '0tool a']);
  });

  it('reads the day of the moment that is given, and its neighbour around midnight', async () => {
    await insert([['a', null, 0]], `date_trunc('day', now(), 'UTC')`);
    const near = async (moment: string) => (await tree(`'${TRACE_ID}', ${moment}`)).length;
    assert.equal(await near(`date_trunc('day', now(), 'UTC') - interval '5 hours'`), 1);
    assert.equal(await near(`date_trunc('day', now(), 'UTC') + interval '50 minutes'`), 1);
    assert.equal(await near(`date_trunc('day', now(), 'UTC') + interval '5 hours'`), 0);
  });

  for (const given of ['x', '', TRACE_ID.slice(1), `${TRACE_ID}0`]) {
    it(`refuses ${JSON.stringify(given)}`, async () => {
      await assert.rejects(tree(`'${given}'`), /trace_id: got .*; allowed: 32 hexadecimal digits, or a uuid/);
    });
  }
});

describe('keepwatch.error_fingerprint', () => {
  for (const [error, fingerprint] of [
    ['TimeoutError: no answer after 3000 ms', 'TimeoutError: no answer after <number> ms'],
    [`TypeError: cannot read 'a' of "b"`, 'TypeError: cannot read <text> of <text>'],
    ["can't read the user's file", "can't read the user's file"],
    ['id 550e8400-e29b-41d4-a716-446655440000 of 5f3e2a1b9c, 0xFE', 'id <uuid> of <hex>, <hex>'],
    ['connect 10.0.0.1:5432\n  refused', 'connect <number>:<number> refused'],
    ['deadbeef', 'deadbeef'],
  ] as const) {
    it(`of ${JSON.stringify(error)}`, async () => {
      const test = await createTestDatabase();
      try {
        assert.deepEqual(await test.database.one('select keepwatch.error_fingerprint($1) as fingerprint', [error]), {
          fingerprint,
        });
      } finally {
        await test.drop();
      }
    });
  }
});
