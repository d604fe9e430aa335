import assert from 'node:assert/strict';
import { migrate } from '../../src/db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

describe('migrate', () => {
  let test: TestDatabase;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('applies nothing the second time', async () => {
    assert.deepEqual((await migrate(test.database)).applied, []);
  });
});
