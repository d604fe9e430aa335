// Which of the alerts that fire now a silence would mute.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { type Labels, type Matcher, matchesAll } from '../../routing/matcher.ts';

/** An alert that people are told of: it fires, or is without data. */
export interface FiringNow {
  readonly rule: string;
  readonly state: 'firing' | 'recovering' | 'nodata';
  readonly labels: Labels;
  readonly incident_id: string;
}

const LIST_ALERTS = loadSql('alerts/list-active-alerts');

/** In the order of group and rule. */
export async function listMutedBy(database: Database, matchers: readonly Matcher[]): Promise<readonly FiringNow[]> {
  const alerts = await database.any<Omit<FiringNow, 'state'> & { state: FiringNow['state'] | 'pending' }>(LIST_ALERTS);
  return alerts.flatMap(({ rule, state, labels, incident_id }) =>
    state !== 'pending' && matchesAll(matchers, labels) ? [{ rule, state, labels, incident_id }] : [],
  );
}
