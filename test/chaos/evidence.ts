// What a run knows of its events without asking the archive: which were recorded, which have to survive, which a fault has destroyed.
// An event is named `<app>:<number>`; numbers count from 1 in each app.

/** What is known of one app: one process, or what plays one. */
export interface AppEvidence {
  /** Its events are 1 .. recorded. Of a killed process: as far as it has said. */
  recorded: number;
  /** It came to a sudden end: events that were not safe then may be lost, and how many it had recorded is not known for sure. */
  isKilled: boolean;
}

export class Evidence {
  readonly #apps = new Map<string, AppEvidence>();
  readonly #safe = new Set<string>();
  readonly #destroyed = new Set<string>();
  /** Why segments may be gone that the ledger, set back, would want again; undefined: they have to be there. */
  graceEnded: string | undefined;

  /** What is known of the app; made at the first call. */
  of(app: string): AppEvidence {
    let known = this.#apps.get(app);
    if (known === undefined) {
      known = { recorded: 0, isKilled: false };
      this.#apps.set(app, known);
    }
    return known;
  }

  /** Events 1 .. until were covered by a finished flush. */
  markSafeUntil(app: string, until: number): void {
    for (let number = until; number > 0 && !this.#safe.has(tagOf(app, number)); number--) this.#safe.add(tagOf(app, number));
  }

  /** These stood in sealed segments. */
  markSafe(tags: Iterable<string>): void {
    for (const tag of tags) this.#safe.add(tag);
  }

  /** A fault has destroyed the bytes of these, as far as they were not archived yet. */
  markDestroyed(tags: Iterable<string>): void {
    for (const tag of tags) this.#destroyed.add(tag);
  }

  isSafe(tag: string): boolean {
    return this.#safe.has(tag);
  }

  isDestroyed(tag: string): boolean {
    return this.#destroyed.has(tag);
  }

  get apps(): ReadonlyMap<string, AppEvidence> {
    return this.#apps;
  }

  get safe(): ReadonlySet<string> {
    return this.#safe;
  }

  get destroyed(): ReadonlySet<string> {
    return this.#destroyed;
  }
}

/** The name that the log lines of an app go by: they are numbered by themselves. */
export function logsOf(app: string): string {
  return `${app}/log`;
}

export function tagOf(app: string, number: number): string {
  return `${app}:${number}`;
}

/** The member of `metadata`, or of the attributes of a log line, that carries its name. */
export function formatTag(app: string, number: number): string {
  return `"chaos":"${tagOf(app, number)}"`;
}
