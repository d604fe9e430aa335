// What must not be archived, looked for in every byte that leaves the process: the spool, /metrics, log lines.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { Spool } from '../../../src/archive/spool/spool.ts';
import type { ExecutionOptions } from '../../../src/instrument/execution-options.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import type { TrackerOptions } from '../../../src/instrument/tracker-options.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

const MARK = 'Zq7vHIDDEN';

/** Records by all ways what `use` says. @returns everything that left the process, as text */
async function everythingOf(options: Partial<TrackerOptions>, use: (tracker: ObservabilityTracker) => void): Promise<string> {
  const { path: spoolDir, remove } = createSpoolDir();
  const lines: string[] = [];
  const line = (fields: object, message: string) => void lines.push(`${inspect(fields, { depth: 9 })} ${message}`);
  const logger = { debug: line, info: line, warn: line, error: line };
  try {
    const tracker = new ObservabilityTracker({ service: 'test', registry: new Registry(), logger, ...options });
    const now = () => tracker.now();
    const spool = new Spool({
      spoolDir,
      service: 'test',
      instance: 'i',
      now,
      maxBytes: 1e9,
      durability: 'process',
      logger: silentLogger,
    });
    tracker.connect(spool);
    use(tracker);
    tracker.flush();
    assert.equal(await spool.seal(), true);
    const files = readdirSync(spoolDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString('latin1'));
    const exported = await tracker.registry.metrics();
    spool.close();
    assert.ok(bytes.join('').includes('observability_metrics'));
    return [...bytes, exported, ...lines].join('\n');
  } finally {
    remove();
  }
}

const leaf = fc.constantFrom<unknown>(MARK, [MARK], { a: MARK }, new Error(MARK), 1);
const metadata = fc.dictionary(fc.constantFrom('userId', 'USER_ID', 'user-id', 'access_token', 'Cookie'), leaf);
const nested = metadata.chain((own) =>
  fc.constantFrom<Record<string, unknown>>(own, { a: own }, { a: [own, { b: own }] }, { c: { toJSON: () => own } }),
);

describe('What must not be archived', function () {
  this.timeout(60_000);

  it('has, when a key is denied, not one byte of its values in the spool, in metrics or in log lines', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(nested, { minLength: 1, maxLength: 10 }), async (all) => {
        const text = await everythingOf({ metadataDeny: ['user_id', 'workspace'] }, (tracker) => {
          for (const given of all) useAll(tracker, given);
        });
        assert.ok(!text.includes(MARK), text.slice(Math.max(0, text.indexOf(MARK) - 200)).slice(0, 400));
      }),
      { numRuns: 20 },
    );
    assert.match(await everythingOf({ metadataDeny: 'none' }, (tracker) => useAll(tracker, { user_id: MARK })), new RegExp(MARK));
  });

  it('has, when errors are redacted, not one byte of an address in any of them', async () => {
    const address = `${MARK}.b@example.com`;
    const thrown = fc.constantFrom<unknown>(
      new Error(`no user ${address}`),
      Object.assign(new Error(), { name: address }),
      { message: `Key (email)=(${MARK}) already exists` },
      `GET /x?user=${MARK} failed`,
      new AggregateError([], `${'x '.repeat(989)}${address}`),
      new Error(`it was acct_${MARK}`),
    );
    const use = (tracker: ObservabilityTracker, error: unknown) => {
      const options: ExecutionOptions = {
        type: 'tool',
        name: 't',
        metadata: error instanceof Error ? { error, list: [error] } : {},
      };
      const unreadable = {
        type: 'tool',
        get name(): never {
          throw error;
        },
      } as never;
      const failing = () => {
        throw error;
      };
      assert.throws(tracker.track(options, failing));
      tracker
        .start(options)
        .set({ cause: error instanceof Error && error })
        .fail(error);
      tracker.record(options, { durationMs: 1, error });
      tracker.endExecution(tracker.startExecution('e'), { error });
      tracker.start(unreadable).end();
    };
    const options = { errorRedactionPatterns: ['acct_*'] };
    await fc.assert(
      fc.asyncProperty(fc.array(thrown, { minLength: 1, maxLength: 5 }), async (errors) => {
        const text = await everythingOf(options, (tracker) => {
          for (const error of errors) use(tracker, error);
        });
        assert.ok(!text.includes(MARK), text.slice(Math.max(0, text.indexOf(MARK) - 300)).slice(0, 500));
      }),
      { numRuns: 15 },
    );
    assert.match(
      await everythingOf({ errorRedaction: 'none' }, (tracker) => use(tracker, new Error(address))),
      new RegExp(address),
    );
  });
});

function useAll(tracker: ObservabilityTracker, given: Record<string, unknown>): void {
  const options: ExecutionOptions = { type: 'agent', name: 'a', labels: { workspace: MARK, user_id: MARK }, metadata: given };
  tracker.track(options, () => 1)();
  tracker.measure(options, (execution) => execution.set(given));
  tracker.start({ type: 'tool', name: 't', labels: given as never }).end();
  tracker.record(options, { durationMs: 1, metadata: given });
  tracker.endExecution(tracker.startExecution('e', given), { metadata: given });
}
