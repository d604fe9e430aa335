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
  async logs(query: unknown) {
    this.queries.push(query);
    return { logs: [] };
  }
  async timeseries(query: unknown) {
    this.queries.push(query);
    return { agg: 'rate', from: '', to: '', step_seconds: 60, group_by: null, group_count: 1, series: [] };
  }
  async dimensions(query: unknown) {
    this.queries.push(query);
    const none = { values: [], value_count: 0 };
    return { from: '', to: '', services: none, types: none, names: none, labels: [], label_count: 0 };
  }
  async dashboard(query: unknown) {
    this.queries.push(query);
    const none = { count: 0, failures: 0, aborted: 0, error_rate: null, avg_ms: null, p50_ms: null, p95_ms: null, p99_ms: null };
    const lists = { top: [], failing: [], errors: [], rate: [], error_rate: [], p95_ms: [] };
    return { from: '', to: '', totals: { ...none, per_second: 0 }, name_count: 0, step_seconds: 60, ...lists };
  }
  async trace(query: unknown) {
    this.queries.push(query);
    return undefined;
  }
}
