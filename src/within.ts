// Waiting that ends.

/** Resolves when `promise` has settled, whatever it says, or `timeoutMs` have passed. @returns whether it has settled */
export async function within(timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const settled = promise.then(
    () => true,
    () => true,
  );
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const hasSettled = await Promise.race([settled, deadline]);
  clearTimeout(timer);
  return hasSettled;
}
