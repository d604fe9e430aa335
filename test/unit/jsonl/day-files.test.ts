import assert from 'node:assert/strict';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { DayFiles, missingLines } from '../../../src/jsonl/day-files.ts';
import { createJsonlFolder } from '../../support/jsonl-folder.ts';

const DAY = '2026-11-21';

describe('DayFiles', () => {
  let folder: ReturnType<typeof createJsonlFolder>;
  let path: string;
  beforeEach(() => {
    folder = createJsonlFolder();
    mkdirSync(folder.path);
    path = join(folder.path, `${DAY}.jsonl`);
  });
  afterEach(() => folder.remove());

  /** What of `lines` is not in a file that holds `content` behind `before`. */
  function missing(before: string, content: string, lines: readonly string[]): string {
    writeFileSync(path, before + content);
    const fd = openSync(path, 'r');
    try {
      return missingLines(fd, Buffer.byteLength(before), Buffer.from(lines.join(''))).toString();
    } finally {
      closeSync(fd);
    }
  }

  it('finds its lines among those of others, and tells those that are torn or swallowed', () => {
    const lines = ['{"id":"1"}\n', '{"id":"2"}\n', '{"id":"3"}\n'];
    assert.equal(missing('{"id":"0"}\n', lines.join(''), lines), '');
    assert.equal(missing('', `{"id":"x"}\n${lines.join('')}{"id":"y"}\n`, lines), '');
    assert.equal(missing('', `{"id":"torn${lines.join('')}`, lines), lines[0], 'swallowed by a torn line of somebody else');
    assert.equal(missing('', lines.join('').slice(0, -3), lines), lines[2], 'cut short');
    assert.equal(missing(lines.join(''), '', lines), lines.join(''), 'before the place, they are others');
  });

  it('knows a line of which something was erased in place meanwhile, and no other', () => {
    const line = (id: string, metadata: string) =>
      `{"id":"019aa5c4-6a80-7000-8000-03f1d2c4b5${id}","metadata":${metadata},"weight":1,"source_id":"2305843009213693951"}\n`;
    const mine = line('a6', '{"user_id":"bob","note":"of bob"}');
    const erased = line('a6', '{"keepwatch.erased":true}        ');
    assert.equal(missing('', erased, [mine]), '');
    assert.equal(missing('', line('a7', '{"keepwatch.erased":true}        '), [mine]), mine, 'of another id');
    assert.equal(missing('', line('a6', '{"keepwatch.erased":true}'), [mine]), mine, 'of another length');
    assert.equal(missing('', erased.replace('3951"}', '3952"}'), [mine]), mine, 'of another process');
  });

  it('finds them whatever is around them, also over the borders of what is read at once', () => {
    const line = fc.string({ maxLength: 30 }).map((text) => `${JSON.stringify(text)}\n`);
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 20 }),
        fc.integer({ min: 65_500, max: 65_560 }),
        fc.nat(20),
        (others, length, at) => {
          const lines = Array.from({ length: 20 }, (_, index) => `{"id":"ü${index}"}\n`);
          const content = [...lines.slice(0, at), ...others, `${'z'.repeat(length)}\n`, ...lines.slice(at)].join('');
          assert.equal(missing('', content, lines), '');
        },
      ),
      { numRuns: 50 },
    );
  });

  it('appends in both ways, and syncs where it is told to', async () => {
    const files = new DayFiles({ folder: folder.path, durability: 'disk' });
    appendFileSync(path, 'torn');
    assert.deepEqual(await files.append(DAY, Buffer.from('{"id":"1"}\n')), { rest: Buffer.alloc(0), syncError: undefined });
    assert.equal(files.appendSync(DAY, Buffer.from('{"id":"2"}\n')).length, 0);
    assert.equal(files.settleSync(), undefined);
    assert.equal(readFileSync(path, 'utf8'), 'torn\n{"id":"1"}\n{"id":"2"}\n');
  });

  it('writes to nothing but files', async () => {
    mkdirSync(path);
    const files = new DayFiles({ folder: folder.path, durability: 'process' });
    await assert.rejects(files.append(DAY, Buffer.from('{}\n')), { code: 'EISDIR' });
  });
});
