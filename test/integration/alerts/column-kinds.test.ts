// The columns that the check of texts takes for times and for texts are those of the published relations.
import assert from 'node:assert/strict';
import { PUBLISHED_RELATIONS, TEXT_COLUMNS, TIME_COLUMNS } from '../../../src/alerts/sql-allowed.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

describe('columns that rules may read', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('are times, or texts, in all relations that have them', async () => {
    const columns = await test.database.any<{ name: string; kinds: string[] }>(
      `select attname::text as name, array_agg(distinct atttypid::regtype::text) as kinds from pg_attribute
       where attrelid = any(array(select ('keepwatch.' || relation)::regclass from unnest($<relations>::text[]) as given (relation)))
         and attnum > 0 and not attisdropped
       group by attname`,
      { relations: PUBLISHED_RELATIONS },
    );
    const named = (...kinds: readonly string[]) =>
      columns.filter((column) => column.kinds.every((kind) => kinds.includes(kind))).map(({ name }) => name);
    assert.deepEqual(named('timestamp with time zone').sort(), [...TIME_COLUMNS].sort());
    assert.deepEqual(named('text', 'jsonb').sort(), [...TEXT_COLUMNS].sort());
  });
});
