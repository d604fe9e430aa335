// A change of what people define, as it is on record.

export interface ChangeRecord<Action extends string> {
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly action: Action;
  readonly actor: string;
  /** That it made; of what was removed the last one. */
  readonly version: number;
  /** Null where there was nothing. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}
