// Private methods, which only TC39 decorators reach.
import type { ObservabilityTracker } from '../../src/instrument/tracker.ts';

export function defineVault(tracker: Pick<ObservabilityTracker, 'tracked'>) {
  return class Vault {
    readonly #content = 'gold';

    @tracker.tracked({ type: 'tool' })
    #unlock(): string {
      return this.#content;
    }

    @tracker.tracked({ type: 'tool' })
    static async #find(): Promise<string> {
      return 'found';
    }

    open(): string {
      return this.#unlock();
    }

    static find(): Promise<string> {
      return Vault.#find();
    }
  };
}
