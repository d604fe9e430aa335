import assert from 'node:assert/strict';
import fc from 'fast-check';
import { memberText } from '../../src/member-text.ts';

describe('memberText', () => {
  it('is the text of the member that JSON.parse takes', () => {
    const json = fc.dictionary(fc.constantFrom('a', 'b', 'metadata', '"', '\\', 'a"b'), fc.jsonValue({ stringUnit: 'binary' }));
    fc.assert(
      fc.property(json, fc.constantFrom(0, 2), (value, indent) => {
        const text = memberText(JSON.stringify(value, undefined, indent), 'metadata');
        assert.deepEqual(text === undefined ? undefined : JSON.parse(text), JSON.parse(JSON.stringify(value)).metadata);
      }),
      { numRuns: 2000 },
    );
    assert.equal(memberText('{"a":{"metadata":1},"metadata": {"n": 1.50} }', 'metadata'), '{"n": 1.50}');
    assert.equal(memberText('{"metadata":1,"\\u006detadata":2}', 'metadata'), '2');
  });
});
