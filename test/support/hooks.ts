// Root hooks of every mocha run: a failure is shown when it happens; what tests share is stopped when the last one is done (with
// `--parallel`: the last one of a file), and a run that leaves anything behind fails.
import { type Runner, reporters } from 'mocha';
import { rememberTimers, waitForNothingLeft } from './leftovers.ts';
import { stopTestServer } from './postgres.ts';

rememberTimers();

/** Once for a run. Reporters tell what failed at the end only: a run that is cut off would take it along. */
export function mochaGlobalSetup(this: Runner): void {
  this.on('fail', (test) => reporters.Base.list([test]));
}

export const mochaHooks = {
  async afterAll(this: Mocha.Context) {
    this.timeout(40_000);
    await stopTestServer();
    await waitForNothingLeft();
  },
};
