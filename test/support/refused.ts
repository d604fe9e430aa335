// A command that is used wrongly: it ends with exit code 2, and says why without a stack.
import assert from 'node:assert/strict';

/** @param run of a command, with these arguments @param bad arguments, and what is printed for them */
export async function assertRefused(
  run: (...args: string[]) => Promise<{ readonly code: number | string; readonly output: string }>,
  bad: readonly (readonly [args: readonly string[], said: RegExp])[],
): Promise<void> {
  await Promise.all(
    bad.map(async ([args, said]) => {
      const { code, output } = await run(...args);
      assert.equal(code, 2, output);
      assert.match(output, said);
      assert.doesNotMatch(output, /\n +at /, 'no stack');
    }),
  );
}
