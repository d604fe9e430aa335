import assert from 'node:assert/strict';
import { CompiledRules } from '../../../src/alerts/compiled-rules.ts';
import type { StoredRule } from '../../../src/alerts/definitions/stored-rules.ts';
import { mergeRules } from '../../../src/alerts/rule-source.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';
import { loadText } from '../../support/alerts.ts';

const FILES = `groups: [{ name: shipped, rules: [{ alert: Shipped, query: select 1 as value, fire_when: value > 0 }] }]`;

const stored = (group: string, alert: string, version = 1, definition: object = {}): StoredRule => ({
  uid: `${group}/${alert}`,
  group,
  every_ms: 60_000,
  definition: { alert, query: 'select 1 as value', fire_when: 'value > 0', ...definition },
  enabled: true,
  version,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
});

describe('CompiledRules', () => {
  before(loadSqlParser);

  const createMerge = () => {
    const files = loadText(FILES);
    const compiled = new CompiledRules(files);
    let revision = 0;
    return (...rules: readonly StoredRule[]) => mergeRules(files, { revision: revision++, rules, hasTargets: true }, compiled);
  };

  it('leaves a group the same object until one of its rules changes', async () => {
    const merge = createMerge();
    const before = await merge(stored('a', 'One'), stored('a', 'Two'), stored('b', 'One'));
    const same = await merge(stored('a', 'One'), stored('a', 'Two'), stored('b', 'One'));
    assert.equal(before.groups.length, 4);
    for (const [index, group] of before.groups.entries()) assert.equal(same.groups[index], group, group.name);
    const after = await merge(stored('a', 'One'), stored('a', 'Two', 2, { for: '5m' }), stored('b', 'One'));
    const [shipped, a, b, targets] = after.groups;
    assert.deepEqual([shipped, b, targets], [before.groups[0], before.groups[2], before.groups[3]]);
    assert.equal(b, before.groups[2]);
    assert.notEqual(a, before.groups[1]);
    assert.deepEqual(
      a?.rules.map((rule) => [rule.name, rule.for, rule === before.groups[1]?.rules.find(({ name }) => name === rule.name)]),
      [
        ['One', { ms: 0 }, true],
        ['Two', { ms: 300_000 }, false],
      ],
    );
    const without = await merge(stored('a', 'One'), stored('b', 'One'));
    assert.deepEqual(
      without.groups[1]?.rules.map(({ name }) => name),
      ['One'],
    );
  });

  it('says again what is wrong with a rule for as long as it does not change', async () => {
    const merge = createMerge();
    const bad = stored('a', 'Bad', 1, { fire_when: 'value > 1 and value < 0' });
    for (let pass = 0; pass < 2; pass++) {
      const { problems, groups } = await merge(bad, stored('a', 'Good'));
      assert.deepEqual(
        problems.map(({ message }) => message),
        ['a/Bad: rule.fire_when: "value > 1 and value < 0" can never be true; mend its bounds'],
      );
      assert.deepEqual(
        groups.map(({ name, rules }) => [name, rules.length]),
        [
          ['shipped', 1],
          ['a', 1],
          ['keepwatch targets', 1],
        ],
      );
    }
    assert.deepEqual((await merge({ ...bad, version: 2, definition: stored('a', 'Bad').definition })).problems, []);
  });

  it('lets others run while it compiles many, and not for what it knows', async () => {
    const merge = createMerge();
    const rules = Array.from({ length: 200 }, (_, index) => stored(`g${index % 10}`, `Rule${index}`));
    const countTurns = async (work: Promise<unknown>) => {
      let turns = 0;
      let isDone = false;
      const count = () => {
        turns++;
        if (!isDone) setImmediate(count);
      };
      setImmediate(count);
      await work;
      isDone = true;
      return turns;
    };
    const first = await countTurns(merge(...rules));
    assert.ok(first >= 8, `${first} turns`);
    const [one, ...others] = rules;
    assert.ok(one !== undefined);
    const again = await countTurns(merge({ ...one, version: 2 }, ...others));
    assert.ok(again <= 1, `${again} turns for one rule of 200`);
  });
});
