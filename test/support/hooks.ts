// Root hooks of every mocha run: what tests share is stopped when the last one is done, and a run that leaves anything behind fails.
import { rememberTimers, waitForNothingLeft } from './leftovers.ts';
import { stopTestServer } from './postgres.ts';

rememberTimers();

export const mochaHooks = {
  async afterAll(this: Mocha.Context) {
    this.timeout(40_000);
    await stopTestServer();
    await waitForNothingLeft();
  },
};
