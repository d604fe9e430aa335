// Root hooks of every mocha run: what tests share is stopped when the last one is done.
import { stopTestServer } from './postgres.ts';

export const mochaHooks = {
  async afterAll(this: Mocha.Context) {
    this.timeout(30_000);
    await stopTestServer();
  },
};
