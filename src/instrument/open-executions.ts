// Executions that callers know by id only. Bounded: when there are too many, the oldest was forgotten by its caller, and is aborted.
import { randomUUID } from 'node:crypto';
import type { Execution } from './execution.ts';
import { finishExecution, readEnd } from './execution-end.ts';
import type { ExecutionEnd } from './execution-options.ts';

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

  /** @returns the id under which `end` finds it */
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

  /** Ends the execution with this id, as is said, and forgets it. @returns whether there was one */
  end(id: string, end: ExecutionEnd | undefined): boolean {
    const execution = this.#byId.get(id);
    if (execution === undefined) return false;
    this.#byId.delete(id);
    const { status, error, metadata } = readEnd(end);
    if (metadata !== undefined) execution.set(metadata);
    finishExecution(execution, { status, error });
    return true;
  }
}
