// A cluster whose workers each measure with a tracker of their own, and whose primary merges their metrics with prom-client's
// AggregatorRegistry: prints the merged exposition, and ends. Run by test/integration/instrument/cluster.test.ts.
import cluster from 'node:cluster';
import { AggregatorRegistry, Registry } from 'prom-client';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';

const WORKERS = 2;
/** The worker with number n makes n times as many calls. */
const CALLS = 10;

if (cluster.isPrimary) {
  const aggregator = new AggregatorRegistry();
  let ready = 0;
  cluster.on('message', (_worker, message) => {
    if (message !== 'measured' || ++ready < WORKERS) return;
    void aggregator.clusterMetrics().then((text) => {
      process.stdout.write(text, () => cluster.disconnect(() => process.exit(0)));
    });
  });
  for (let number = 1; number <= WORKERS; number++) cluster.fork({ WORKER_NUMBER: String(number) });
} else {
  const registry = new Registry();
  AggregatorRegistry.setRegistries([registry]);
  new AggregatorRegistry(); // listens for the primary
  const tracker = new ObservabilityTracker({ service: 'test', registry });
  const search = tracker.track({ type: 'tool', name: 'search' }, () => 1);
  for (let call = 0; call < CALLS * Number(process.env['WORKER_NUMBER']); call++) search();
  process.send?.('measured');
}
