// An archive for the API that keeps the questions and knows nothing.
import type { ArchiveReader } from '../../src/server/api.ts';

export class RecordingReader implements ArchiveReader {
  readonly queries: unknown[] = [];

  async summary(query: unknown) {
    this.queries.push(query);
    return [];
  }
  async events(query: unknown) {
    this.queries.push(query);
    return { events: [] };
  }
  async trace(query: unknown) {
    this.queries.push(query);
    return undefined;
  }
}
