// Connectors and workflows of the demo against its partners and provider, over real HTTP, with what is recorded of them.
import assert from 'node:assert/strict';
import { type Connectors, createConnectors } from '../../../demo/connectors.ts';
import { createGateway, PartnerError } from '../../../demo/gateway.ts';
import { createLlmClient } from '../../../demo/llm-client.ts';
import { type Partners, startPartners } from '../../../demo/partners.ts';
import { type Provider, startProvider } from '../../../demo/provider.ts';
import { createRandom } from '../../../demo/random.ts';
import { createChatStore } from '../../../demo/store.ts';
import { createWorkflows, type Workflows } from '../../../demo/workflows.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { openDemoStore } from '../../support/demo-store.ts';
import { type RecordedEvent, RecordingSink } from '../../support/recording-sink.ts';

describe('what the demo does beside requests', () => {
  let demo: Awaited<ReturnType<typeof openDemoStore>>;
  let provider: Provider;
  let partners: Partners;
  let tracker: ObservabilityTracker;
  let sink: RecordingSink;
  let connectors: Connectors;
  let workflows: Workflows;

  before(async function () {
    this.timeout(30_000);
    demo = await openDemoStore();
  });
  after(() => demo.close());

  async function start(failureRate: number): Promise<void> {
    provider = await startProvider({ medianMs: 0, failureRate: 0 });
    partners = await startPartners({ medianMs: 0, failureRate, seed: 2 });
    tracker = new ObservabilityTracker({ service: 'demo' });
    sink = new RecordingSink();
    tracker.connect(sink);
    connectors = createConnectors({ tracker, gateway: createGateway({ url: partners.url, tracker }) });
    const llm = createLlmClient({ url: provider.url, tracker });
    const store = createChatStore(demo.query);
    workflows = createWorkflows({ tracker, connectors, store, llm, random: createRandom(1), failureRate });
  }
  afterEach(async () => {
    tracker.stop();
    await partners.stop();
    await provider.stop();
  });

  function seen(type: string): RecordedEvent[] {
    tracker.flush();
    return sink.events.filter((event) => event.type === type);
  }

  it('counts the records of a sync, whatever shape the partner gives them', async () => {
    await start(0);
    const posts = await connectors.syncPosts('acme');
    const contacts = await connectors.syncContacts('acme');
    const told = seen('connector').map(({ name, metadata }) => [
      name,
      metadata['connector_type'],
      metadata['tenant_id'],
      metadata['records'],
    ]);
    assert.deepEqual(told, [
      ['sync_posts', 'wordpress', 'acme', posts.length],
      ['sync_contacts', 'hubspot', 'acme', contacts.length],
    ]);
    assert.ok(contacts.length > 0);
    const gateway = seen('custom').map(({ name, metadata }) => [name, metadata['method'], metadata['status_code']]);
    assert.deepEqual(gateway, [
      ['partners', 'GET', 200],
      ['partners', 'GET', 200],
    ]);
  });

  it('tries again what a partner was too busy for, each attempt an execution', async () => {
    await start(0.5);
    let failures = 0;
    for (let i = 0; i < 20; i++) {
      await connectors.syncContacts('globex').catch((error: unknown) => {
        assert.ok(error instanceof PartnerError);
        failures++;
      });
    }
    const attempts = seen('connector').map(({ metadata, status }) => `${metadata['attempt'] === 2 ? 2 : 1} ${status}`);
    const count = (what: string) => attempts.filter((attempt) => attempt === what).length;
    assert.equal(count('2 failure'), failures);
    assert.equal(count('1 failure'), count('2 failure') + count('2 success'));
    assert.ok(count('2 success') > 0 && failures > 0);
    assert.equal(partners.stats().requests, attempts.length);
    assert.equal(seen('custom').length, attempts.length);
  });

  it('runs a campaign step by step, each below its workflow, the partners below the steps', async () => {
    await start(0);
    await workflows.campaignSync('initech');
    const [workflow] = seen('workflow');
    assert.equal(workflow?.name, 'campaign_sync');
    assert.equal(workflow.metadata['tenant_id'], 'initech');
    const steps = seen('workflow_step');
    assert.deepEqual(steps.map(({ name }) => name).sort(), ['fetch_contacts', 'fetch_posts', 'update_contacts', 'write_teaser']);
    for (const step of steps) {
      assert.equal(step.parentSpanId, workflow.spanId, step.name);
      assert.equal(step.metadata['workflow_id'], 'campaign_sync');
    }
    const stepNames = new Map(steps.map(({ spanId, name }) => [spanId, name]));
    assert.deepEqual(
      seen('connector')
        .map(({ name, parentSpanId }) => `${name} in ${String(stepNames.get(parentSpanId))}`)
        .sort(),
      ['sync_contacts in fetch_contacts', 'sync_posts in fetch_posts', 'update_contacts in update_contacts'],
    );
    const [llm] = seen('llm');
    assert.equal(stepNames.get(llm?.parentSpanId), 'write_teaser');
    assert.equal(llm?.metadata['team'], 'marketing');
    assert.equal(llm.metadata['cost_usd'] ?? null, null, 'nobody knows the price of this model');
  });

  it('fails with a step, and says which', async () => {
    await start(1);
    await assert.rejects(workflows.invoiceRun('acme'), /sums of 500 orders differ/);
    assert.deepEqual(
      [...seen('workflow_step'), ...seen('workflow')].map(({ name, status }) => `${name} ${status}`),
      ['collect_orders success', 'check_sums failure', 'invoice_run failure'],
    );
  });
});
