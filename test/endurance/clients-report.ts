// What test/endurance/programs/api-clients.ts says at its end.

export interface ClientsReport {
  requests: number;
  /** The first of them. */
  readonly failures: string[];
}
