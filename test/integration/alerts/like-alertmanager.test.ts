// Routes, groups, inhibition, silences and repeats: what a real Alertmanager tells on the same scripts, the decision alone and the dispatcher on real
// Postgres tell too.
import assert from 'node:assert/strict';
import { DELIVERY_SCRIPTS } from '../../support/delivery-scripts.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { playOnPostgres } from '../../support/postgres-delivery.ts';
import { playReally } from '../../support/real-delivery.ts';
import { needTool } from '../../support/tools.ts';
import { type Heard, playVirtually } from '../../support/virtual-delivery.ts';

describe('routes, groups, inhibition, silences and repeats, beside a real Alertmanager', () => {
  let test: TestDatabase;
  let heard: Map<string, Heard>;
  let told: Map<string, Heard>;

  before(async function () {
    this.timeout(120_000);
    const binary = needTool(this, 'prometheus-alertmanager');
    test = await createTestDatabase();
    [heard, told] = await Promise.all([playReally(binary, DELIVERY_SCRIPTS), playOnPostgres(test.database, DELIVERY_SCRIPTS)]);
  });
  after(() => test.drop());

  for (const script of DELIVERY_SCRIPTS) {
    const name = script.name.replaceAll('-', ' ');
    it(`give the same messages: ${name}`, () => assert.deepEqual(playVirtually(script), heard.get(script.name)));
    it(`give the same messages from Postgres: ${name}`, () => assert.deepEqual(told.get(script.name), heard.get(script.name)));
  }
});
