// Ids as people type them: whole, or their first characters, as many as tell them apart.
import { KeepwatchError } from '../../errors.ts';

/** What begins alike and is told at most, when more than one does. */
const MAX_TOLD = 10;
/** Rows to ask for: one more than are told. */
export const MOST_ALIKE = MAX_TOLD + 1;

const LOWEST = '00000000-0000-0000-0000-000000000000';
/** An id, whole. */
export const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const LEAST_LENGTH = 8;

/** The ids that begin so. @param what stands before the message @throws KeepwatchError ERR_USAGE when no id does */
export function idsFrom(given: string, what: string): { readonly low: string; readonly high: string } {
  const text = given.trim().toLowerCase();
  const low = text + LOWEST.slice(text.length);
  if (text.length < LEAST_LENGTH || !UUID.test(low))
    throw new KeepwatchError(
      'ERR_USAGE',
      `${what}: got ${JSON.stringify(given.slice(0, 100))}; allowed: an id (a uuid), or its first ${LEAST_LENGTH} characters and more`,
    );
  return { low, high: text + LOWEST.slice(text.length).replaceAll('0', 'f') };
}

/** The only one. @param describe how a person tells it from the others @throws KeepwatchError ERR_USAGE when there are several */
export function onlyOne<Row>(rows: readonly Row[], given: string, what: string, describe: (row: Row) => string): Row | undefined {
  if (rows.length <= 1) return rows[0];
  const told = rows.slice(0, MAX_TOLD).map(describe);
  const more = rows.length > told.length ? [...told, '…'] : told;
  throw new KeepwatchError(
    'ERR_USAGE',
    `${what}: ${JSON.stringify(given)} is the beginning of several; more of it: ${more.join('; ')}`,
  );
}
