// Executions that callers know by id only. Bounded: when there are too many, the oldest was forgotten by its caller, and is aborted.
import { randomUUID } from 'node:crypto';
import type { Execution } from './execution.ts';

/** Executions open by id, unless told otherwise. */
export const MAX_OPEN = 10_000;

export class OpenExecutions {
  /** In the order in which they were started. */
  readonly #byId = new Map<string, Execution>();
  readonly #maxOpen: number;
  #evictedCount = 0;

  constructor(maxOpen: number = MAX_OPEN) {
    this.#maxOpen = maxOpen;
  }

  /** Executions that were aborted because there were too many. */
  get evictedCount(): number {
    return this.#evictedCount;
  }

  /** @returns the id under which `take` finds it */
  add(execution: Execution): string {
    for (const [oldestId, oldest] of this.#byId) {
      if (this.#byId.size < this.#maxOpen) break;
      this.#byId.delete(oldestId);
      this.#evictedCount++;
      oldest.abort();
    }
    const id = randomUUID();
    this.#byId.set(id, execution);
    return id;
  }

  /** The execution with this id, which is forgotten; undefined when there is none. */
  take(id: string): Execution | undefined {
    const execution = this.#byId.get(id);
    this.#byId.delete(id);
    return execution;
  }
}
