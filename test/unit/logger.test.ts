import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { guardLogger, type Logger } from '../../src/logger.ts';

const LOGGER = new URL('../../src/logger.ts', import.meta.url).href;
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

describe('guardLogger', () => {
  it('keeps to itself what a logger throws, and what it lacks', () => {
    const heard: string[] = [];
    const broken = {
      info: (_fields: object, message: string) => heard.push(message),
      warn() {
        throw new Error('no');
      },
    } as unknown as Logger;
    const logger = guardLogger(broken);
    logger.warn({}, 'a');
    logger.error({}, 'b');
    logger.info({}, 'c');
    assert.deepEqual(heard, ['c']);
  });
});

describe('createLogger', () => {
  it('harms nobody when stderr takes nothing', function () {
    if (process.platform !== 'linux') this.skip();
    this.timeout(20_000);
    const program = `const { createLogger } = await import(${JSON.stringify(LOGGER)});
      const logger = createLogger();
      for (let line = 0; line < 3; line++) logger.error({ line }, 'x');
      setTimeout(() => process.stdout.write('alive'), 50);`;
    const child = spawnSync(process.execPath, ['--import', TSX, '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', openSync('/dev/full', 'w')],
    });
    assert.deepEqual([child.status, child.stdout.toString()], [0, 'alive']);
  });
});
