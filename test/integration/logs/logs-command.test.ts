// `keepwatch logs` in a terminal and as JSON.
import assert from 'node:assert/strict';
import type { LogRow } from '../../../src/log-row.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import { batchOf, lineOf } from '../../support/log-lines.ts';
import { startKeepwatch } from '../../support/process.ts';

describe('keepwatch logs', function () {
  this.timeout(60_000);
  const site = useArchiveSite();
  const run = async (...args: string[]) => {
    const process = startKeepwatch(['logs', ...args], { env: { DATABASE_URL: site.url } });
    const code = await process.exited;
    return { code, output: process.output() };
  };

  it('shows the newest that are asked for, and says so when there are none', async () => {
    const { archive } = site.create();
    const traceId = 'a'.repeat(32);
    const spanId = 'b'.repeat(16);
    const nowMs = Date.now();
    const lines = [
      lineOf('one', { timeMs: nowMs - 2000 }),
      lineOf('two', { timeMs: nowMs - 1000, level: 40, traceId, spanId, message: 'rewrites \u001b[2J the terminal' }),
    ];
    archive.sink.accept(batchOf(lines));
    await archive.flush();
    await archive.stop({ timeoutMs: 1000 });
    const { code, output } = await run();
    assert.equal(code, 0);
    assert.match(
      output,
      /^TIME +LEVEL +SERVICE +LOGGER +TRACE +MESSAGE\n\S+Z +warn +test +mail +a{32} +rewrites .\[2J the terminal\n\S+Z +info .*hello one\n$/,
    );
    assert.ok(!output.includes('\u001b'));
    const warned = JSON.parse((await run('--level', 'warn', '--json', '--from', '1h')).output) as LogRow[];
    assert.deepEqual(
      warned.map(({ level, trace_id, span_id }) => [level, trace_id, span_id]),
      [['warn', traceId, spanId]],
    );
    assert.equal((await run('--message', 'nothing')).output, 'no log lines\n');
    const refused = await run('--level', 'loud', '--trace', 'x');
    assert.equal(refused.code, 2);
    assert.match(refused.output, /Allowed choices are trace, debug, info, warn, error, fatal/);
  });
});
