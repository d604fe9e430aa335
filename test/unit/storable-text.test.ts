import assert from 'node:assert/strict';
import fc from 'fast-check';
import { storableMembers, storableText } from '../../src/storable-text.ts';

/** Text of units that stand together in every wrong way, too. */
const hostileText = fc
  .array(fc.constantFrom('a', '\0', '\ud83d', '\ude00', '😀', '\\', 'u0000', '\\u0000', '"', '\n', 'ä', '\uffff'))
  .map((parts) => parts.join(''));

describe('storable text', () => {
  it('is text that UTF-8 holds without NUL, as long as it may be, and says what was done to it', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 20 }), (given, maxLength) => {
        const { text, isCut, isReplaced } = storableText(given, maxLength);
        assert.ok(Buffer.from(text).toString() === text && !text.includes('\0') && text.length <= maxLength);
        assert.ok(text.length >= Math.min(given.length, maxLength - 1));
        assert.equal(isCut, given.length > maxLength);
        assert.equal(isReplaced, text !== given.slice(0, text.length));
        if (!isCut && !isReplaced) assert.equal(text, given);
      }),
    );
  });

  it('cuts no pair of surrogates in two', () => {
    assert.deepEqual(storableText('ab😀', 3), { text: 'ab', isCut: true, isReplaced: false });
    assert.deepEqual(storableText('ab😀', 4), { text: 'ab😀', isCut: false, isReplaced: false });
    assert.deepEqual(storableText('ab\ud83d', 2), { text: 'ab', isCut: true, isReplaced: false });
  });

  it('is JSON of the same value, but for NUL and half surrogate pairs, which are U+FFFD', () => {
    fc.assert(
      fc.property(fc.array(hostileText), (given) => {
        const expected = given.map((text) => storableText(text, Infinity).text);
        const { text: json, isReplaced } = storableMembers(JSON.stringify(given), Infinity);
        assert.equal(isReplaced, json !== JSON.stringify(given));
        assert.deepEqual(JSON.parse(json), expected);
        assert.ok(!/(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/i.test(json));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves escapes alone that can be stored, and what only looks like one', () => {
    const kept = '"a":"\\u0001\\ud83d\\ude00\\\\u0000\\\\\\\\ud83d\\n","b":"u0000"';
    assert.deepEqual(storableMembers(kept, 1000), { text: kept, isCut: false, isReplaced: false });
    assert.equal(textOf('"\\\\\\u0000\\uD83D\\uD83D\\uDE00\\uDE00"'), '"\\\\\\ufffd\\ufffd\\uD83D\\uDE00\\ufffd"');
  });

  it('is nothing of members that are too long, since a part of JSON is none', () => {
    assert.deepEqual(storableMembers('"a":"bcd"', 8), { text: '', isCut: true, isReplaced: false });
  });
});

function textOf(members: string): string {
  return storableMembers(members, Infinity).text;
}
