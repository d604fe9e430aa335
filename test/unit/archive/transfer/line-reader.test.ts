import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type Line, LineReader, MAX_LINE_BYTES } from '../../../../src/archive/transfer/line-reader.ts';
import { SeenIds } from '../../../../src/archive/transfer/seen-ids.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('LineReader', () => {
  it('gives the same lines and hashes, however the content is cut into pieces', () => {
    const content = fc.string({ unit: fc.constantFrom('a', 'ü', '😀', '\n', '\n', '\r\n'), maxLength: 60 });
    fc.assert(
      fc.property(content, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (text, sizes) => {
        const bytes = Buffer.from(text);
        const reader = new LineReader();
        const lines: (Line & { digest: string })[] = [];
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const size = sizes[index % sizes.length] ?? 1;
          for (const line of reader.take(bytes.subarray(at, at + size))) lines.push({ ...line, digest: reader.digest() });
          at += size;
        }
        for (const line of reader.rest()) lines.push({ ...line, digest: reader.digest() });
        const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
        const expected = whole.split('\n').slice(0, -1);
        assert.deepEqual(
          lines.map((line) => line.text),
          expected.map((line) => line.trim()),
        );
        for (const { end, digest, number } of lines) {
          const before = expected
            .slice(0, number)
            .map((line) => `${line}\n`)
            .join('');
          assert.deepEqual([end, digest], [Buffer.byteLength(before), sha256(before)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a line that never ends, without keeping it, and goes on behind it', () => {
    const reader = new LineReader();
    const lines: Line[] = [];
    const piece = Buffer.alloc(100_000, 'x');
    for (let index = 0; index < 20; index++) lines.push(...reader.take(piece));
    lines.push(...reader.take(Buffer.from('\nok\n\ufeff\xff')), ...reader.take(Buffer.from([0xff, 0x0a])));
    assert.deepEqual(
      lines.map(({ text, number }) => [number, text]),
      [
        [1, undefined],
        [2, 'ok'],
        [3, undefined],
      ],
    );
    assert.match(lines[0]?.problem ?? '', new RegExp(`allowed: a line of at most ${MAX_LINE_BYTES} bytes`));
    assert.match(lines[2]?.problem ?? '', /no UTF-8/);
  });

  it('takes away a byte order mark', () => {
    const reader = new LineReader();
    assert.deepEqual(
      [...reader.take(Buffer.from('\ufeff{}\n'))].map(({ text }) => text),
      ['{}'],
    );
  });
});

describe('SeenIds', () => {
  it('names every id that comes again, and hardly any other', () => {
    const seen = new SeenIds();
    const id = (number: number) => `0192f00000007000${number.toString(16).padStart(8, '0')}00000000`;
    for (let number = 0; number < 100_000; number++) seen.add(id(number));
    for (let number = 0; number < 100; number++) seen.add(id(number * 997));
    const named = seen.candidates;
    for (let number = 0; number < 100; number++) assert.ok(named?.has(id(number * 997)));
    assert.ok((named?.size ?? Infinity) < 120, String(named?.size));
  });
});
