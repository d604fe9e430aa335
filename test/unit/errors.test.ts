import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describeError, redactUrls } from '../../src/errors.ts';

describe('describeError', () => {
  it('describes anything without throwing, on one line', () => {
    fc.assert(fc.property(fc.anything(), (thrown) => assert.doesNotMatch(describeError(thrown), /\n/)));
  });

  it('survives an error whose message getter throws', () => {
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('no');
      },
    });
    assert.equal(describeError(hostile), 'an error that cannot be described');
  });

  it('survives an error whose parts are no text', () => {
    for (const message of [5, {}, Symbol('x'), null, Object.create(null)]) {
      assert.equal(typeof describeError(Object.assign(new Error('x'), { message })), 'string');
    }
  });

  it('takes no time for megabytes of text', () => {
    const startMs = performance.now();
    assert.ok(describeError(new Error('a.'.repeat(5_000_000))).length <= 1000);
    assert.ok(performance.now() - startMs < 1000);
  });

  it('hides credentials', () => {
    assert.equal(describeError(new Error('connect postgres://me:hunter2@db:5432/x')), 'connect postgres://***@db:5432/x');
    assert.equal(redactUrls('postgres://me:p@ss@db/x?user=a@b'), 'postgres://***@db/x?user=a@b');
    assert.equal(redactUrls('postgres://db/x?password=hunter2&user=me'), 'postgres://db/x?password=***&user=me');
    assert.equal(redactUrls('https://token@host/path and http://plain/'), 'https://***@host/path and http://plain/');
  });
});
