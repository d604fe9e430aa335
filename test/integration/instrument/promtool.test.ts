import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRegistry } from '../../../src/instrument/metrics/registry.ts';
import { registerSelfMetrics } from '../../../src/instrument/metrics/self-metrics.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { needTool } from '../../support/tools.ts';

/** A registry in which every metric of the catalogue has a value, hostile label values included. */
function fullRegistry() {
  const registry = createRegistry();
  const tracker = new ObservabilityTracker({ service: 'test', registry, maxSeries: 10 });
  tracker.express();
  for (const type of ['api', 'agent', 'tool', 'llm', 'db', 'custom'] as const) {
    for (const name of [
      'plain',
      'quo"te',
      'back\\slash',
      'new\nline',
      '\u{1F600}',
      ...Array.from({ length: 20 }, (_, index) => `n${index}`),
    ]) {
      tracker
        .start({ type, name, labels: { provider: name, model: name, workspace: name } })
        .tokens({ input: 1, output: 2 })
        .end();
      tracker.start({ type, name }).fail(new Error('x'));
    }
  }
  registerSelfMetrics(registry, {
    archive: () => ({
      archived: 1,
      deadLettered: 0,
      quarantined: 0,
      spoolBytes: 0,
      spoolEvents: 0,
      spoolLimitBytes: 1e9,
      spoolFreeBytes: 1e9,
      suspectBytes: 0,
      suspectsRemoved: 0,
      lagSeconds: 0,
      failures: 0,
      dropped: { spool_full: 1 },
      batches: 1,
      batchSecondsSum: 0.1,
    }),
    alerts: () => ({
      states: [{ alertname: 'A', state: 'firing', count: 1 }],
      notifications: [{ receiver: 'r', outcome: 'sent', count: 1 }],
      evaluations: [{ outcome: 'ok', count: 4 }],
      evaluationsCut: 1,
      silentSources: 1,
      slotsMissed: 1,
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
  return registry;
}

describe('promtool check metrics', () => {
  it('has no complaint', async function () {
    const { status, stdout, stderr } = spawnSync(needTool(this, 'promtool'), ['check', 'metrics'], {
      input: await fullRegistry().metrics(),
      encoding: 'utf8',
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
});
