// What summary, recent and prune ask for, whatever keeps the events: they print, and know nothing of where it comes from.
import {
  type KeepOptions,
  listPrunable,
  type Prunable,
  type Pruned,
  type PruneOptions,
  prune,
} from '../archive/maintenance/prune.ts';
import type { TimeRange } from '../archive/queries/event-filter.ts';
import type { EventRow } from '../archive/queries/events.ts';
import { createArchiveQueries, type SummaryRow } from '../archive/queries.ts';
import type { Config } from '../config.ts';
import { closeDatabase, createDatabase, type Database } from '../db/database.ts';
import { openJsonlHistory } from './jsonl-history.ts';
import { withStorage } from './storage.ts';

/** Which events; what is left out is any. */
export interface EventQuestion {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly status?: string | undefined;
}

export interface History {
  summary(query: TimeRange & Omit<EventQuestion, 'status'>): Promise<readonly SummaryRow[]>;
  /** The newest first. @param query.limit at most 1000 */
  recent(query: TimeRange & EventQuestion & { readonly limit: number }): Promise<readonly EventRow[]>;
  /** What `prune` would remove. */
  prunable(options: KeepOptions): Promise<Prunable>;
  prune(options: Omit<PruneOptions, 'database'>): Promise<Pruned>;
}

/** To count a day may take long; Ctrl-C ends it between two days. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** Opens what keeps the events, does the work, closes it whatever happened. */
export async function withHistory<T>(config: Config, work: (history: History) => Promise<T>): Promise<T> {
  if (config.databaseUrl === undefined && config.jsonlDir !== undefined) return work(openJsonlHistory(config.jsonlDir));
  return withStorage(config, async ({ database, url }) => {
    const queries = createArchiveQueries(database);
    const patiently = async <R>(ask: (patient: Database) => Promise<R>): Promise<R> => {
      const patient = createDatabase({ url, max: 1, applicationName: 'keepwatch prune', queryTimeoutMs: NO_TIMEOUT_MS });
      try {
        return await ask(patient);
      } finally {
        await closeDatabase(patient);
      }
    };
    return work({
      summary: queries.summary,
      recent: async ({ name, ...query }) => {
        const names = name === undefined ? undefined : [name];
        return (await queries.events({ ...query, names })).events;
      },
      prunable: (options) => patiently((patient) => listPrunable(patient, options)),
      prune: (options) => patiently((patient) => prune({ ...options, database: patient })),
    });
  });
}
