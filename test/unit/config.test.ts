import assert from 'node:assert/strict';
import { loadConfig } from '../../src/config.ts';

describe('loadConfig', () => {
  it('has defaults for everything but the database', () => {
    const config = loadConfig({}, { env: {}, folder: '/nonexistent' });
    assert.equal(config.port, 3000);
    assert.equal(config.databaseUrl, undefined);
    assert.equal(config.spoolMax, 1e9);
  });

  it('reports all problems at once, with place and what is allowed', () => {
    const env = { KEEPWATCH_PORT: 'x', KEEPWATCH_SPOL_DIR: '/tmp', DATABASE_URL: 'mysql://u:secret@h/d' };
    assert.throws(
      () => loadConfig({}, { env, folder: '/nonexistent' }),
      (error: Error) => {
        assert.match(error.message, /KEEPWATCH_PORT: got "x"; allowed: a port/);
        assert.match(error.message, /KEEPWATCH_SPOL_DIR: unknown setting; did you mean KEEPWATCH_SPOOL_DIR\?/);
        assert.match(error.message, /DATABASE_URL: allowed: a URL that begins with postgres/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
});
