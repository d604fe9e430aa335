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

const LIST_FIRING = loadSql('alerts/delivery/list-firing');

/** In the order of group and rule. */
export async function listMutedBy(database: Database, matchers: readonly Matcher[]): Promise<readonly FiringNow[]> {
  const alerts = await database.any<FiringNow>(LIST_FIRING);
  return alerts.flatMap(({ rule, state, labels, incident_id }) =>
    matchesAll(matchers, labels) ? [{ rule, state, labels, incident_id }] : [],
  );
}
