// What evaluators find new of rules: what was done, and nothing else.
import assert from 'node:assert/strict';
import { createStoredRules, type RuleContent } from '../../../src/alerts/definitions/stored-rules.ts';
import { createRuleSource, type MergedRules } from '../../../src/alerts/rule-source.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';
import { loadText } from '../../support/alerts.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const FILES = `groups: [{ name: shipped, rules: [{ alert: Shipped, query: select 1 as value, fire_when: value > 0 }] }]`;

const content = (group: string, alert: string, more: object = {}): RuleContent => ({
  group,
  every_ms: 60_000,
  definition: { alert, query: 'select 1 as value', fire_when: 'value > 0', ...more },
  enabled: true,
});

describe('a source of rules', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  before(loadSqlParser);
  beforeEach(async () => {
    test = await createTestDatabase();
  });
  afterEach(() => test.drop());
  const source = () => createRuleSource({ database: test.database, files: loadText(FILES) });

  it('finds nothing new where changes were refused', async () => {
    const stored = createStoredRules(test.database);
    assert.equal((await stored.create('own/One', content('own', 'One'), 'ann')).outcome, 'done');
    const rules = source();
    const before = await rules.load();
    const changed = content('own', 'One', { for: '5m' });
    const refused = [
      await stored.create('own/One', changed, 'ann'),
      await stored.replace('own/One', 7, changed, 'ann'),
      await stored.setEnabled('own/One', 7, false, 'ann'),
      await stored.remove('own/One', 7, 'ann'),
      await stored.remove('own/None', 1, 'ann'),
    ];
    assert.deepEqual(
      refused.map(({ outcome }) => outcome),
      ['conflict', 'conflict', 'conflict', 'conflict', 'missing'],
    );
    await assert.rejects(stored.create('own/Two', { ...content('own', 'Two'), every_ms: 1000 }, 'ann'), /^KeepwatchError: every/);
    assert.equal(await rules.load(), before);
    assert.equal((await stored.replace('own/One', 1, changed, 'ann')).outcome, 'done');
    assert.equal((await rules.load()).revision, before.revision + 1);
  });

  it('lets one of many that make the same rule at once win', async () => {
    const stored = createStoredRules(test.database);
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, writer) => stored.create('own/One', content('own', 'One'), `writer ${writer}`)),
    );
    assert.equal(outcomes.filter(({ outcome }) => outcome === 'done').length, 1);
    assert.equal((await stored.changes('own/One')).length, 1);
    assert.equal((await source().load()).revision, 1);
  });

  it('leaves groups the same objects that did not change', async () => {
    const stored = createStoredRules(test.database);
    for (const group of ['own', 'other']) await stored.create(`${group}/One`, content(group, 'One'), 'ann');
    const rules = source();
    const [before, same] = await Promise.all([rules.load(), rules.load()]);
    assert.equal(same, before);
    await stored.replace('own/One', 1, content('own', 'One', { for: '5m' }), 'ann');
    const after = await rules.load();
    const groupOf = ({ groups }: MergedRules, name: string) => groups.find((group) => group.name === name);
    assert.notEqual(groupOf(after, 'own'), groupOf(before, 'own'));
    for (const name of ['shipped', 'other']) assert.equal(groupOf(after, name), groupOf(before, name), name);
  });
});
