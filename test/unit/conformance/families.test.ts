import assert from 'node:assert/strict';
import { EXPRESS_VERSIONS, expectedOf } from '../../conformance/conformance-case.ts';
import { families } from '../../conformance/families.ts';
import { formatRecord, parseRecord } from '../../conformance/http-record.ts';

describe('the cases of conformance', () => {
  const cases = families.flatMap(({ name, cases: own }) => own.map((each) => ({ title: `${name}: ${each.name}`, each })));

  it('have names of their own', () => {
    const titles = cases.map(({ title }) => title);
    assert.deepEqual(
      titles.filter((title, index) => titles.indexOf(title) !== index),
      [],
    );
  });

  for (const version of EXPRESS_VERSIONS) {
    it(`are more than 130 on Express ${version}, and say what they expect`, () => {
      const own = cases.filter(({ each }) => each.only?.includes(version) !== false);
      assert.ok(own.length >= 130, String(own.length));
      for (const { title, each } of own) {
        for (const text of expectedOf(each, version))
          assert.ok(formatRecord(parseRecord(text)).startsWith(text.slice(0, text.lastIndexOf(' '))), title);
      }
    });
  }

  it('refuse a record with a word too many', () => {
    assert.throws(() => parseRecord('GET /a 200 sucess'), /not a record/);
    assert.throws(() => parseRecord('GET /a'), /not a record/);
  });
});
