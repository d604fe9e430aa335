// What is compared: ways to bring events from a process to Postgres. Each gets the same events, at the same rate, and the same faults.

export const CONTENDER_NAMES = ['keepwatch', 'insert', 'insert-unique', 'batch-queue'] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];

/** What each of them is, for the reader of the table. */
export const CONTENDERS: Readonly<Record<ContenderName, string>> = {
  keepwatch: 'Keepwatch as it comes, with an archive run each second',
  insert: 'pg-promise `helpers.insert` in a transaction; a batch that fails goes back to the queue in memory, and is tried again',
  'insert-unique': 'the same, with a random id per event, a primary key on it, and `on conflict (id) do nothing`',
  'batch-queue':
    'the same insert, as many log transports do it: a bounded queue that drops what is too much, and a batch that fails is dropped',
};

/** Where the events of one contender go, in a process that may be killed. */
export interface Contender {
  /** Takes an event, without waiting for anything. */
  record(number: number): void;
  /** An orderly end: resolves when all that can be written is. */
  finish(): Promise<void>;
}

/** What a child process is started with, as JSON. */
export interface ChildPlan {
  readonly contender: ContenderName;
  readonly databaseUrl: string;
  /** Which run its rows belong to. */
  readonly run: number;
  /** A folder of its own, which stays when the process is killed. */
  readonly folder: string;
  /** Numbers of the first event and of the last one. */
  readonly from: number;
  readonly to: number;
}

/** Events a second: ticks of 10 ms. */
export const EVENTS_PER_TICK = 20;
export const TICK_MS = 10;
/** All of them write once a second. */
export const FLUSH_MS = 1000;
export const BATCH_ROWS = 2000;
/** Of `batch-queue`. */
export const MAX_QUEUE = 5000;
/** How long an orderly end may take. */
export const FINISH_MS = 20_000;
/** In the folder of a child process: from then on it records. */
export const GO_FILE = 'go';
