import assert from 'node:assert/strict';
import { createKeepwatch } from '../../src/app.ts';
import { silentLogger } from '../../src/logger.ts';
import { createJsonlFolder } from '../support/jsonl-folder.ts';

describe('createKeepwatch without a database', () => {
  const folder = createJsonlFolder();
  after(() => folder.remove());

  for (const [what, options] of [
    ['metrics alone', {}],
    ['files', { jsonlDir: folder.path }],
  ] as const) {
    it(`says once that its log stream takes nothing, with ${what}`, async () => {
      const said: string[] = [];
      const logger = { ...silentLogger, warn: (_about: object, text: string) => said.push(text) };
      const keepwatch = await createKeepwatch({ ...options, logger });
      assert.deepEqual(said, []);
      keepwatch.logStream().write('{"msg":"lost"}\n');
      keepwatch.logStream().write('{"msg":"lost"}\n');
      assert.deepEqual(said, [
        'the log stream takes nothing: log lines are archived in Postgres alone, and DATABASE_URL is not set',
      ]);
      await keepwatch.stop();
    });
  }
});
