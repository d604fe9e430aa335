// Looks at the watermarks of a run while faults happen: one never goes back, and no event that ended before it comes later.
import type { Database } from '../../src/db/database.ts';

interface Sample {
  readonly source_id: string;
  readonly low_watermark: string;
  /** Rows of the source that ended before it. */
  readonly below: number;
}

export class Watermarks {
  readonly #database: Database;
  readonly #service: string;
  #samples = new Map<string, Sample>();
  readonly #problems: string[] = [];

  /** @param database reaches Postgres whatever the faults do to the apps' own way */
  constructor(database: Database, service: string) {
    this.#database = database;
    this.#service = service;
  }

  /** Compares with what was seen before. @throws what Postgres says */
  async look(): Promise<void> {
    for (const sample of await this.#read()) {
      const before = this.#samples.get(sample.source_id);
      if (before !== undefined) await this.#compare(before, sample);
      this.#samples.set(sample.source_id, sample);
    }
  }

  /** The database went back: what was seen no longer binds. */
  forget(): void {
    this.#samples = new Map();
  }

  /** What was wrong, a sentence each. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  async #compare(before: Sample, after: Sample): Promise<void> {
    const place = `watermark of source ${after.source_id}`;
    if (Number(after.low_watermark) < Number(before.low_watermark)) {
      this.#problems.push(`${place} went back from ${before.low_watermark} to ${after.low_watermark}`);
    }
    if (before.below === (await this.#countBelow(before))) return;
    const { below } = before;
    this.#problems.push(
      `${place} had passed events that came later: ${below} rows before ${before.low_watermark}, now ${await this.#countBelow(before)}`,
    );
  }

  #read(): Promise<Sample[]> {
    return this.#database.any<Sample>(
      `select source_id, extract(epoch from low_watermark) * 1e6 as low_watermark,
         (select count(*) from keepwatch.observability_metrics as stored
          where stored.source_id = sources.source_id and end_time < low_watermark)::int as below
       from keepwatch.sources where service = $<service>`,
      { service: this.#service },
    );
  }

  async #countBelow({ source_id, low_watermark }: Sample): Promise<number> {
    const { below } = await this.#database.one<{ below: number }>(
      `select count(*)::int as below from keepwatch.observability_metrics
       where source_id = $<source_id> and end_time < 'epoch'::timestamptz + $<low_watermark>::numeric * interval '1 microsecond'`,
      { source_id, low_watermark },
    );
    return below;
  }
}
