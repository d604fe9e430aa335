// A small in-process cache: a Map with a time to live and a bound, the oldest entry leaves first.

export interface Cache<T> {
  /** The value, or undefined when it is not there or too old. Counts as a hit or a miss. */
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  stats(): { readonly hits: number; readonly misses: number; readonly size: number };
}

/**
 * @param options.ttlMs how long a value is served
 * @param options.maxEntries above that the oldest goes
 * @param options.now milliseconds; default the monotonic clock
 */
export function createCache<T>(options: {
  readonly ttlMs: number;
  readonly maxEntries: number;
  readonly now?: () => number;
}): Cache<T> {
  const { ttlMs, maxEntries, now = () => performance.now() } = options;
  const entries = new Map<string, { value: T; expiresAt: number }>();
  let hits = 0;
  let misses = 0;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined || entry.expiresAt <= now()) {
        entries.delete(key);
        misses++;
        return undefined;
      }
      hits++;
      return entry.value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, { value, expiresAt: now() + ttlMs });
      const oldest = entries.keys().next();
      if (entries.size > maxEntries && !oldest.done) entries.delete(oldest.value);
    },
    delete: (key) => void entries.delete(key),
    stats: () => ({ hits, misses, size: entries.size }),
  };
}
