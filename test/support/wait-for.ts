// Waiting for what another process or a timer does, with a deadline instead of a sleep.

/**
 * Resolves as soon as `condition` gives something other than false, null or undefined; asks every 20 ms.
 * @param options.timeoutMs default 20,000
 * @param options.what named in the error; default the condition's source
 * @throws Error at the deadline, with the last error of the condition as `cause`
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly what?: string } = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 20_000, what = condition.toString() } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`still waiting after ${timeoutMs} ms for: ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
