import assert from 'node:assert/strict';
import { createCache } from '../../../demo/cache.ts';

describe('createCache', () => {
  it('serves a value for its time and counts hits and misses', () => {
    let now = 0;
    const cache = createCache<number>({ ttlMs: 100, maxEntries: 10, now: () => now });
    assert.equal(cache.get('a'), undefined);
    cache.set('a', 1);
    now = 99;
    assert.equal(cache.get('a'), 1);
    now = 100;
    assert.equal(cache.get('a'), undefined);
    assert.deepEqual(cache.stats(), { hits: 1, misses: 2, size: 0 });
  });

  it('lets the oldest entry go above its bound', () => {
    const cache = createCache<number>({ ttlMs: 100, maxEntries: 2, now: () => 0 });
    for (const key of ['a', 'b', 'a', 'c']) cache.set(key, 1);
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => cache.get(key)),
      [1, undefined, 1],
    );
    cache.delete('a');
    assert.equal(cache.stats().size, 1);
  });
});
