import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMatcher } from '../../../src/archive/erase/criteria.ts';
import { eraseLine, type Overwrite } from '../../../src/jsonl/erase-line.ts';

const DAY = '2026-11-21';
const ALL = { fromMs: -Infinity, untilMs: Infinity };
const matcher = createMatcher([{ key: 'user_id', value: '42' }]);

/** The line as it is when it is overwritten; undefined: it is no object. */
function erased(line: string, range = ALL): string | undefined {
  const bytes = Buffer.from(line);
  const overwrites = eraseLine(bytes, DAY, matcher, range);
  for (const { at, length, text } of overwrites ?? []) bytes.fill(' ', at, at + length).write(text, at);
  return overwrites && bytes.toString();
}

describe('eraseLine', () => {
  it('takes metadata and error, and leaves every other byte where it is', () => {
    const line =
      '{"id":"1","end_time":"2026-11-21T12:00:00.5Z","error":"no rights for 42","metadata":{"user_id":42,"n":1e400,"note":"ü"},"weight":1}';
    const expected = line
      .replace('"no rights for 42"', '"erased"'.padEnd(18))
      .replace('{"user_id":42,"n":1e400,"note":"ü"}', '{"keepwatch.erased":true}'.padEnd(36));
    assert.equal(erased(line), expected);
    assert.equal(erased(expected), expected, 'it is not found again');
    assert.equal(
      erased('{"metadata":{"user_id":"42"},"error":"x"}'),
      '{"metadata":{}              ,"error":"" }',
      'shorter where there is no room',
    );
    assert.equal(
      erased('{ "metadata" : {"user_id": "42"} , "error": {"of": "42"} }'),
      `{ "metadata" : ${'{}'.padEnd(17)} , "error": ${'"erased"'.padEnd(12)} }`,
    );
  });

  it('takes of any event all that its metadata and error say, and nothing else', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const metadata = fc.dictionary(text, fc.jsonValue({ maxDepth: 2 })).map((members) => ({ ...members, user_id: '42' }));
    const event = fc.record({
      id: text,
      error: fc.option(text),
      metadata,
      name: text,
      weight: fc.integer(),
    });
    fc.assert(
      fc.property(event, fc.constantFrom(0, 1), (given, indent) => {
        const line = JSON.stringify(given, undefined, indent).replaceAll('\n', ' ');
        const after = erased(line) ?? '';
        assert.equal(Buffer.byteLength(after), Buffer.byteLength(line));
        const { metadata: members, error, ...others } = JSON.parse(after) as typeof given;
        const hasRoom = Buffer.byteLength(JSON.stringify(given.metadata, undefined, indent)) >= 25;
        assert.deepEqual(members, hasRoom ? { 'keepwatch.erased': true } : {});
        const isLong = given.error !== null && Buffer.byteLength(JSON.stringify(given.error)) >= 8;
        assert.equal(error, given.error === null ? null : isLong ? 'erased' : '');
        const { metadata: _members, error: _error, ...before } = JSON.parse(line) as typeof given;
        assert.deepEqual(others, before);
      }),
      { numRuns: 1000 },
    );
  });

  it('leaves what is not asked for, and says of what it cannot read', () => {
    const none: readonly Overwrite[] = [];
    for (const line of [
      '{}',
      '{"metadata":null}',
      '{"metadata":{"user_id":43}}',
      '{"user_id":42}',
      '{"metadata":{"user_id":42,"keepwatch.erased":true}}',
    ])
      assert.deepEqual(eraseLine(Buffer.from(line), DAY, matcher, ALL), none, line);
    for (const line of ['', '{"metadata":{"user_id":42}', '[]', '7', 'null']) assert.equal(erased(line), undefined, line);
  });

  it('goes by the end of the event, and by the day of the file where there is none', () => {
    const at = (hour: string) => Date.parse(`2026-11-21T${hour}:00:00Z`);
    const isErased = (more: object, fromMs: number, untilMs: number) => {
      const line = JSON.stringify({ ...more, metadata: { user_id: 42, note: 'somebody' } });
      return erased(line, { fromMs, untilMs }) !== line;
    };
    const noon = { end_time: '2026-11-21T12:00:00.000000Z' };
    assert.ok(isErased(noon, at('12'), at('13')));
    assert.ok(!isErased(noon, at('11'), at('12')));
    assert.ok(!isErased(noon, at('13'), Infinity));
    assert.ok(isErased({ ended_at: '2026-11-21T12:00:00Z' }, at('12'), at('13')));
    assert.ok(!isErased({}, at('12'), at('13')));
    assert.ok(isErased({}, at('00'), at('00') + 86_400_000));
  });
});
