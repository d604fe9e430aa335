// What is said when the ledger went back (a standby that lagged was promoted, a backup was restored) and was brought to where it had been.
import type { Logger } from '../../logger.ts';
import { formatSourceId, type Source } from '../spool/source.ts';

/** What was done about it in one lane. */
export interface Replay {
  /** Events that were committed again. */
  readonly events: number;
  /** Events whose segments were gone by then. */
  readonly lost: number;
}

/** Says it in one line, for all lanes of a source; nothing when there was nothing. */
export function sayReplayed(lanes: readonly (Replay | undefined)[], source: Source, logger: Logger): void {
  const replays = lanes.filter((replay) => replay !== undefined);
  const events = replays.reduce((sum, replay) => sum + replay.events, 0);
  const lost = replays.reduce((sum, replay) => sum + replay.lost, 0);
  if (events + lost === 0) return;
  const what = `the ledger in Postgres went back (a failover, or a restore): ${events} events are archived again, ${lost} are lost by it`;
  logger.warn({ source_id: formatSourceId(source.sourceId), events, lost }, what);
}
