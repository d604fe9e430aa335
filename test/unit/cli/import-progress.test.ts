import assert from 'node:assert/strict';
import type { ImportProgress } from '../../../src/archive/transfer/file-import.ts';
import { createImportProgress } from '../../../src/cli/import-progress.ts';

describe('createImportProgress', () => {
  let nowMs = 0;
  let describeFile: ReturnType<typeof createImportProgress>;
  beforeEach(() => {
    nowMs = 0;
    describeFile = createImportProgress(() => nowMs);
  });
  const at = (seconds: number, what: ImportProgress['what'], rows: number, share: number, file = 'a.jsonl') => {
    nowMs = seconds * 1000;
    return describeFile(file, { what, rows, share })();
  };

  it('tells rate and time left of the reading under way alone', () => {
    assert.equal(at(0, 'checking', 100, 0.001), 'a.jsonl: checking  100 lines  0 %');
    assert.equal(at(10, 'checking', 50_100, 0.501), 'a.jsonl: checking  50,100 lines  5,000 lines/s  50 %  10 s left');
    assert.equal(at(20, 'importing', 10_000, 0.1), 'a.jsonl: importing  10,000 events  10 %');
    assert.equal(at(30, 'importing', 30_000, 0.3), 'a.jsonl: importing  30,000 events  2,000 events/s  30 %  35 s left');
    assert.equal(at(65, 'importing', 100_000, 1), 'a.jsonl: importing  100,000 events  2,000 events/s  100 %');
    assert.equal(at(66, 'checking', 10, 0.5, 'b.jsonl'), 'b.jsonl: checking  10 lines  50 %', 'a next file begins anew');
  });

  it('counts no time for what an earlier import had done', () => {
    assert.equal(at(0, 'importing', 10_000, 0.5), 'a.jsonl: importing  10,000 events  50 %');
    assert.equal(at(2, 'importing', 20_000, 0.75), 'a.jsonl: importing  20,000 events  5,000 events/s  75 %  2 s left');
  });

  it('tells no rate before a second has passed, and none while it waits', () => {
    at(0, 'checking', 1, 0);
    assert.equal(at(0.9, 'checking', 1000, 0.5), 'a.jsonl: checking  1,000 lines  50 %');
    assert.equal(at(5, 'waiting', 0, 0), 'a.jsonl: waiting for another import');
  });
});
