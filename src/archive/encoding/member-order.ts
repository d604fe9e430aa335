// Which members of an event's metadata stand first: those of its series or its own. jsonb keeps members by the length of their names, and
// Postgres takes a sixth more time for a row of which it has to sort them. The tracker hands on both parts in that order.

/** What the rows of a series share. */
export interface SharedMembers {
  /** As JSON, with the colon. */
  readonly names: readonly string[];
  /** Of the shortest one, as JSON, with its quotes. */
  readonly shortestName: number;
}

/** @returns undefined when there are none, or they are no JSON */
export function sharedMembers(members: string): SharedMembers | undefined {
  try {
    const names = Object.keys(JSON.parse(`{${members}}`) as object).map((name) => JSON.stringify(name));
    if (names.length === 0) return undefined;
    return { names: names.map((name) => `${name}:`), shortestName: Math.min(...names.map((name) => name.length)) };
  } catch {
    return undefined;
  }
}

/** Whether an event's own members, in JSON, go before the shared ones: their names are shorter, and none is the same, of which the last holds. */
export function goFirst(own: string, shared: SharedMembers): boolean {
  if (own.indexOf('"', 1) >= shared.shortestName - 1 || own.includes('\\')) return false;
  for (const name of shared.names) if (own.includes(name)) return false;
  return true;
}
