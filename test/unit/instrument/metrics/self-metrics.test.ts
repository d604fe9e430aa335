import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import type { StoreNumbers } from '../../../../src/event-store.ts';
import { InternalErrors } from '../../../../src/instrument/internal-errors.ts';
import { registerSelfMetrics } from '../../../../src/instrument/metrics/self-metrics.ts';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import { silentLogger } from '../../../../src/logger.ts';

const ARCHIVE: StoreNumbers = {
  archived: 90,
  deadLettered: 1,
  quarantined: 2,
  spoolBytes: 4096,
  spoolEvents: 7,
  spoolLimitBytes: 1e9,
  spoolFreeBytes: 999e6,
  suspectBytes: 512,
  suspectsRemoved: 6,
  lagSeconds: 1.5,
  failures: 3,
  dropped: { spool_full: 4, ring_full: 99 },
  batches: 10,
  batchSecondsSum: 0.5,
};

async function linesOf(registry: Registry, pattern: RegExp): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => pattern.test(line));
}

describe('registerSelfMetrics', () => {
  it('reads the numbers of the archive and the alerts at each scrape', async () => {
    const registry = new Registry();
    let archived = 1;
    registerSelfMetrics(registry, {
      archive: () => ({ ...ARCHIVE, archived }),
      alerts: () => ({
        states: [{ alertname: 'HighErrorRate', state: 'firing', count: 2 }],
        notifications: [{ receiver: 'ops', outcome: 'sent', count: 5 }],
        evaluations: [{ outcome: 'error', count: 3 }],
        evaluationsCut: 1,
        slotsMissed: 2,
        silentSources: 1,
        evaluationSeconds: {
          sum: 0.25,
          count: 4,
          buckets: [
            { le: '0.1', count: 3 },
            { le: '+Inf', count: 4 },
          ],
        },
      }),
    });
    archived = 91;
    assert.deepEqual(await linesOf(registry, /^keepwatch/), [
      'keepwatch_events_archived_total 91',
      'keepwatch_events_dead_lettered_total 1',
      'keepwatch_events_quarantined_total 2',
      'keepwatch_spool_bytes 4096',
      'keepwatch_spool_limit_bytes 1000000000',
      'keepwatch_spool_free_bytes 999000000',
      'keepwatch_spool_events 7',
      'keepwatch_spool_suspect_bytes 512',
      'keepwatch_spool_suspects_removed_total 6',
      'keepwatch_archive_lag_seconds 1.5',
      'keepwatch_archive_failures_total 3',
      'keepwatch_archive_batch_duration_seconds_sum 0.5',
      'keepwatch_archive_batch_duration_seconds_count 10',
      'keepwatch_events_dropped_total{reason="spool_full"} 4',
      'keepwatch_events_dropped_total{reason="spool_error"} 0',
      'keepwatch_events_dropped_total{reason="encode_error"} 0',
      'keepwatch_events_dropped_total{reason="damaged"} 0',
      'keepwatch_events_dropped_total{reason="restore"} 0',
      'keepwatch_alerts{alertname="HighErrorRate",state="firing"} 2',
      'keepwatch_notifications_total{receiver="ops",outcome="sent"} 5',
      'keepwatch_alert_evaluation_duration_seconds_bucket{le="0.1"} 3',
      'keepwatch_alert_evaluation_duration_seconds_bucket{le="+Inf"} 4',
      'keepwatch_alert_evaluation_duration_seconds_sum 0.25',
      'keepwatch_alert_evaluation_duration_seconds_count 4',
      'keepwatch_alert_evaluations_total{outcome="error"} 3',
      'keepwatch_alert_evaluations_cut_total 1',
      'keepwatch_alert_slots_missed_total 2',
      'keepwatch_alert_silent_sources 1',
    ]);
  });

  it('counts drops of the ring and of the spool side by side', async () => {
    const registry = new Registry();
    const tracker = new ObservabilityTracker({ service: 'test', registry, ringCapacity: 2 });
    registerSelfMetrics(registry, { archive: () => ARCHIVE });
    for (let index = 0; index < 5; index++) tracker.measure({ type: 'custom', name: 'x' }, () => {});
    assert.deepEqual(await linesOf(registry, /^keepwatch_events_dropped_total/), [
      'keepwatch_events_dropped_total{reason="ring_full"} 3',
      'keepwatch_events_dropped_total{reason="sink_error"} 0',
      'keepwatch_events_dropped_total{reason="spool_full"} 4',
      'keepwatch_events_dropped_total{reason="spool_error"} 0',
      'keepwatch_events_dropped_total{reason="encode_error"} 0',
      'keepwatch_events_dropped_total{reason="damaged"} 0',
      'keepwatch_events_dropped_total{reason="restore"} 0',
    ]);
  });

  it('adds up two trackers in one registry', async () => {
    const registry = new Registry();
    for (const service of ['a', 'b']) {
      const tracker = new ObservabilityTracker({ service, registry, maxSeries: 2 });
      for (const name of ['x', 'y', 'z']) tracker.measure({ type: 'tool', name }, () => {});
    }
    assert.deepEqual(
      await linesOf(registry, /^(keepwatch_events_recorded_total|keepwatch_series_over.*calls|tool_calls_total)/),
      [
        'keepwatch_events_recorded_total 6',
        'keepwatch_series_overflow_total{metric="tool_calls_total"} 4',
        'tool_calls_total{tool_name="x",status="success"} 2',
        'tool_calls_total{tool_name="__other__",status="__other__"} 4',
      ],
    );
  });

  it('serves the other metrics when one part cannot say its numbers', async () => {
    const registry = new Registry();
    new ObservabilityTracker({ service: 'test', registry });
    registerSelfMetrics(registry, {
      archive: () => {
        throw new Error('no numbers');
      },
    });
    assert.deepEqual(await linesOf(registry, /^keepwatch_events_(archived|recorded)_total/), [
      'keepwatch_events_recorded_total 0',
    ]);
  });
});

describe('InternalErrors', () => {
  it('counts each, and logs each place at most once a minute', () => {
    let nowMs = 0;
    const logged: unknown[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void logged.push((fields as { place: string }).place) };
    const errors = new InternalErrors(logger, () => nowMs);
    for (const [atMs, place] of [
      [0, 'sink'],
      [1, 'sink'],
      [2, 'express'],
      [59_999, 'sink'],
      [60_000, 'sink'],
    ] as const) {
      nowMs = atMs;
      errors.note(place, new Error('x'));
    }
    assert.deepEqual(logged, ['sink', 'express', 'sink']);
    assert.equal(errors.count, 5);
  });
});
