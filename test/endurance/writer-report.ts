// What test/endurance/programs/writer.ts says of itself, a line of JSON at a time.
export interface WriterReport {
  readonly recorded: number;
  readonly archived: number;
  /** Runs that failed. */
  readonly failures: number;
  /** Migrations that this process has applied. */
  readonly applied: readonly string[];
  /** Warnings and errors that it has logged. */
  readonly problems: readonly string[];
}
