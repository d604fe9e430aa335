import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type ConfigOptions, isLoopback, loadConfig } from '../../src/config.ts';
import { KeepwatchError } from '../../src/errors.ts';

describe('loadConfig', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const yaml = (text: string) => writeFileSync(join(folder, 'keepwatch.yaml'), text);
  const load = (options: ConfigOptions = {}, env: NodeJS.ProcessEnv = {}) => loadConfig(options, { env, folder });
  const refusal = (options: ConfigOptions = {}, env: NodeJS.ProcessEnv = {}): string => {
    try {
      load(options, env);
    } catch (error) {
      assert.ok(error instanceof KeepwatchError && error.code === 'ERR_CONFIG_INVALID');
      return error.message;
    }
    throw new assert.AssertionError({ message: 'the configuration is accepted' });
  };

  it('has defaults for everything but the databases and the token', () => {
    const config = load();
    assert.equal(config.port, 3000);
    assert.equal(config.databaseUrl, undefined);
    assert.equal(config.spoolMax, 1e9);
    assert.ok(Object.isFrozen(config));
  });

  it('reads how long raw events are kept', () => {
    assert.equal(load().retention, 30 * 86_400_000);
    assert.equal(load({}, { KEEPWATCH_RETENTION: '7d' }).retention, 7 * 86_400_000);
    assert.equal(load({ retention: 'forever' }).retention, Infinity);
    for (const given of ['2h', 'soon', '30']) {
      const message = refusal({}, { KEEPWATCH_RETENTION: given });
      assert.match(message, /^KEEPWATCH_RETENTION: got ".*"; allowed: a number and a unit: .*; at least 1d, or forever$/m);
    }
  });

  it('reads which executions have lines in the execution log, and how many', () => {
    assert.deepEqual(load().executionLog, []);
    assert.equal(load().executionLogTo, 'stdout');
    assert.deepEqual(load({ executionLog: 'all' }).executionLog, load({}, { KEEPWATCH_EXECUTION_LOG: 'true' }).executionLog);
    assert.ok(load({ executionLog: 'all' }).executionLog.includes('workflow_step'));
    assert.deepEqual(load({}, { KEEPWATCH_EXECUTION_LOG: 'api, agent' }).executionLog, ['api', 'agent']);
    assert.deepEqual(load({ executionLog: false }).executionLog, []);
    assert.match(
      refusal({ executionLog: 'api,agnt' }),
      /^option executionLog.*got "api,agnt"; allowed: off, all, or a list of api, agent, /,
    );

    const rates = (given: ConfigOptions['executionLogSample']) => {
      const { api, agent, db } = load({ executionLogSample: given }).executionLogSample;
      return [api, agent, db];
    };
    assert.deepEqual(rates(0.5), [0.5, 0.5, 0.5]);
    assert.deepEqual(rates('0.5'), [0.5, 0.5, 0.5]);
    assert.deepEqual(rates('api=0.1, db = 0'), [0.1, 1, 0]);
    assert.deepEqual(rates('0.5,api=0.1'), [0.1, 0.5, 0.5]);
    assert.deepEqual(rates({ api: 0.1 }), [0.1, 1, 1]);
    yaml('execution_log: [api]\nexecution_log_sample: { api: 0.25 }\n');
    assert.deepEqual([load().executionLog, load().executionLogSample.api], [['api'], 0.25]);
    for (const given of ['2', '-1', 'api=', 'api=x', 'apis=1', '=1', 'api=1,api=0', '', 'NaN', 1.1, Number.NaN, { api: '1' }]) {
      assert.match(
        refusal({ executionLogSample: given }),
        /^option executionLogSample: .*allowed: a share from 0 to 1/,
        JSON.stringify(given),
      );
    }
  });

  it('keeps rollups longer than raw events, and refuses to keep them shorter', () => {
    const days = (count: number) => count * 86_400_000;
    assert.equal(load().rollupRetention, days(400));
    assert.equal(load({ retention: '500d' }).rollupRetention, days(500));
    assert.equal(load({ retention: 'forever' }).rollupRetention, Infinity);
    assert.equal(load({}, { KEEPWATCH_ROLLUP_RETENTION: '90d' }).rollupRetention, days(90));
    yaml('rollup: { retention: forever }\n');
    assert.equal(load().rollupRetention, Infinity);
    assert.equal(
      refusal({}, { KEEPWATCH_RETENTION: '60d', KEEPWATCH_ROLLUP_RETENTION: '59d' }),
      'KEEPWATCH_ROLLUP_RETENTION: got "59d"; allowed: at least what KEEPWATCH_RETENTION is (60d), since rollups outlive raw events',
    );
    assert.match(
      refusal({ retention: 'forever', rollupRetention: '1000d' }),
      /^option rollupRetention: .*KEEPWATCH_RETENTION is \(forever\)/,
    );
    assert.match(refusal({ rollupRetention: '3h' }), /^option rollupRetention: got "3h"; allowed: .*; at least 1d, or forever$/);
  });

  it('reads lists of metadata keys, and says which is none', () => {
    yaml('metadata: { allow: [plan, "user.*"], deny: [email] }\n');
    const config = load({}, { KEEPWATCH_METADATA_DENY: 'email, *_name' });
    assert.deepEqual(
      [config.metadataAllow, config.metadataDeny],
      [
        ['plan', 'user.*'],
        ['email', '*_name'],
      ],
    );
    assert.equal(load({ metadataDeny: 'none' }).metadataDeny, 'none');
    const message = refusal({ metadataAllow: [''] }, { KEEPWATCH_METADATA_DENY: 'email,a*b' });
    assert.match(message, /^option metadataAllow .*: got \[""\]; allowed: keys, each a text of at most 200 characters/m);
    assert.match(message, /^KEEPWATCH_METADATA_DENY .*: got "email,a\*b"; allowed: keys, each a text of at most 200 characters/m);
  });

  it('reads what is taken out of errors, and refuses patterns that say too little', () => {
    const config = load({}, { KEEPWATCH_ERROR_REDACTION: 'none', KEEPWATCH_ERROR_REDACTION_PATTERNS: 'acct_*, Project X' });
    assert.deepEqual([load().errorRedaction, config.errorRedaction], ['values', 'none']);
    assert.deepEqual(config.errorRedactionPatterns, ['acct_*', 'Project X']);
    assert.match(refusal({ errorRedactionPatterns: ['*a*'] }), /got \["\*a\*"\]; allowed: texts, .* and at least 3 others/);
  });

  it('takes options before environment before file', () => {
    yaml('service: file\nport: 1\nspool: { dir: /from/file, max: 2GB }\n');
    const config = load({ service: 'option' }, { KEEPWATCH_SERVICE: 'env', KEEPWATCH_PORT: '2' });
    assert.deepEqual([config.service, config.port, config.spoolDir, config.spoolMax], ['option', 2, '/from/file', 2e9]);
  });

  it('reports all problems at once, with place, value and what is allowed', () => {
    yaml('service: x\nspoool:\n  dir: y\nreadiness: maybe\n');
    const message = refusal({}, { KEEPWATCH_PORT: 'x', KEEPWATCH_SPOL_DIR: '/tmp' });
    assert.match(message, /^KEEPWATCH_PORT: got "x"; allowed: a port from 0 to 65535$/m);
    assert.match(message, /^KEEPWATCH_SPOL_DIR: unknown setting; did you mean KEEPWATCH_SPOOL_DIR\?$/m);
    assert.match(message, /^keepwatch\.yaml:3 spoool\.dir: unknown setting; did you mean spoolDir\?$/m);
    assert.match(message, /^keepwatch\.yaml:4 readiness: got "maybe"; allowed: degraded, strict$/m);
  });

  it('takes no variable for a setting that Kubernetes gives for a service named keepwatch', () => {
    const config = load(
      {},
      {
        KEEPWATCH_SERVICE_HOST: '10.0.0.7',
        KEEPWATCH_SERVICE_PORT: '3000',
        KEEPWATCH_SERVICE_PORT_HTTP: '3000',
        KEEPWATCH_PORT: 'tcp://10.0.0.7:3000',
        KEEPWATCH_PORT_3000_TCP: 'tcp://10.0.0.7:3000',
        KEEPWATCH_PORT_3000_TCP_PROTO: 'tcp',
        KEEPWATCH_PORT_3000_TCP_PORT: '3000',
        KEEPWATCH_PORT_3000_TCP_ADDR: '10.0.0.7',
      },
    );
    assert.deepEqual([config.port, config.service], [3000, 'app']);
    assert.match(refusal({}, { KEEPWATCH_PORTS: 'x' }), /did you mean KEEPWATCH_PORT\?/);
  });

  it('says which option is unknown', () => {
    assert.match(refusal({ servise: 'x' } as ConfigOptions), /option servise: unknown; did you mean service\?/);
  });

  it('never shows a secret', () => {
    const message = refusal({}, { DATABASE_URL: 'mysql://u:hunter2@h/d', KEEPWATCH_AUTH_TOKEN: 'hunter2' });
    assert.match(message, /DATABASE_URL: allowed: a URL that begins with postgres/);
    assert.match(message, /KEEPWATCH_AUTH_TOKEN: allowed: a secret of at least 16 characters/);
    assert.doesNotMatch(message, /hunter2/);
  });

  it('reads secrets from files', () => {
    const path = join(folder, 'token');
    writeFileSync(path, 'a-secret-of-32-characters-abcdef\n');
    assert.equal(load({}, { KEEPWATCH_AUTH_TOKEN_FILE: path }).authToken, 'a-secret-of-32-characters-abcdef');
    assert.match(
      refusal({}, { DATABASE_URL_FILE: join(folder, 'none') }),
      /DATABASE_URL_FILE: the file ".*none" cannot be read \(ENOENT\)/,
    );
  });

  it('refuses an address that others can reach without a token', () => {
    assert.match(
      refusal({ host: '0.0.0.0' }),
      /option host: got "0.0.0.0"; an address that others can reach needs KEEPWATCH_AUTH_TOKEN/,
    );
    assert.equal(load({ host: '0.0.0.0', authToken: 'a-secret-of-enough-length' }).host, '0.0.0.0');
  });

  it('checks receivers and the route', () => {
    yaml('receivers:\n  - name: a\n    webhook: { url: "ftp://x" }\n  - name: b\n    webhok: {}\nroute: { receiver: c }\n');
    const message = refusal();
    assert.match(message, /receivers\[0\]\.webhook\.url/);
    assert.match(message, /receivers\[1\]/);
    yaml('receivers:\n  - name: a\n    webhook: { url: "https://hooks.example/" }\nroute: { receiver: c }\n');
    assert.match(refusal(), /keepwatch\.yaml:4 route\.receiver: there is no receiver "c"; allowed: a/);
  });

  it('takes secrets of receivers from variables and files, and shows none', () => {
    const secret = `whsec_${'A'.repeat(32)}`;
    writeFileSync(join(folder, 'key'), `${secret}\n`);
    yaml(
      'receivers:\n  - name: a\n    webhook:\n      url: { env: HOOK }\n      secrets: [{ file: key }, { env: OLD }]\n      allow_private: true\n',
    );
    const config = load({}, { HOOK: 'https://10.0.0.1/s3cret', OLD: secret });
    assert.equal(config.receivers[0]?.webhook?.url.reveal(), 'https://10.0.0.1/s3cret');
    assert.deepEqual(
      config.receivers[0]?.webhook?.secrets?.map((given) => given.reveal()),
      [secret, secret],
    );
    assert.doesNotMatch(JSON.stringify(config) + inspect(config, { depth: 10 }), /s3cret|whsec_/);
    assert.equal(load({ receivers: config.receivers }).receivers[0]?.webhook?.url.reveal(), 'https://10.0.0.1/s3cret');
    const message = refusal({}, { OLD: 'whsec_short' });
    assert.match(message, /^keepwatch\.yaml:4 receivers\[0\]\.webhook\.url: the environment variable "HOOK" is not set$/m);
    assert.match(
      message,
      /^keepwatch\.yaml:5 receivers\[0\]\.webhook\.secrets\[1\]: allowed: whsec_ and 24 to 64 bytes in base64$/m,
    );
    assert.doesNotMatch(message, /whsec_short/);
  });

  const RECEIVERS: [string, RegExp][] = [
    [
      'webhook: { url: "http://x.example/" }',
      /receivers\[0\]\.webhook\.url: allowed: https:\/\/; http:\/\/ only with allow_plaintext: true/,
    ],
    ['webhook: { url: "https://[::ffff:10.0.0.1]/" }', /webhook\.url: allowed: a host of the internet; .*allow_private: true/],
    ['webhook: { url: "https://localhost/" }', /webhook\.url: allowed: a host of the internet/],
    ['webhook: { url: "file:///etc/passwd" }', /webhook\.url: allowed: a URL that begins with https:/],
    ['webhook: { url: "https://x.example/" }\n    console: {}', /receivers\[0\]: allowed: a name and one of webhook, .*console/],
    ['pagerduty: { routing_key: short }', /pagerduty\.routingKey: allowed: the integration key/],
    ['webhook: { url: "https://x.example/", allow_privat: true }', /allowPrivat/],
  ];
  for (const [given, expected] of RECEIVERS)
    it(`refuses the receiver ${given}`, () => {
      yaml(`receivers:\n  - name: a\n    ${given}\n`);
      assert.match(refusal(), expected);
      assert.doesNotMatch(refusal(), /10\.0\.0\.1|x\.example/);
    });

  it('takes an address under which people reach it', () => {
    assert.equal(
      load({}, { KEEPWATCH_EXTERNAL_URL: 'https://keepwatch.example/here' }).externalUrl,
      'https://keepwatch.example/here',
    );
    for (const given of ['ftp://x', 'https://me:secret@x.example', 'https://x.example/?a=b', 'here'])
      assert.match(refusal({}, { KEEPWATCH_EXTERNAL_URL: given }), /KEEPWATCH_EXTERNAL_URL: .*allowed: a URL that begins/);
  });

  it('refuses a file that is not YAML, and a file that is named but missing', () => {
    yaml('service: [');
    assert.match(refusal(), /keepwatch\.yaml:\d: is not YAML/);
    assert.match(refusal({}, { KEEPWATCH_CONFIG: 'other.yaml' }), /KEEPWATCH_CONFIG: there is no file ".*other\.yaml"/);
  });

  it('refuses what is no setting at all, whatever it is', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const table: [Record<string, unknown>, RegExp][] = [
      [{ port: 10n }, /^option port: got 10; allowed: a port from 0 to 65535$/],
      [{ port: Symbol('x') }, /^option port: got Symbol\(x\); allowed: a port/],
      [{ port: null }, /^option port: got null; allowed: a port/],
      [{ port: 1.5 }, /^option port: got 1\.5; allowed: a port/],
      [{ port: '70000' }, /^option port: got "70000"; allowed: a port/],
      [{ spoolDir: cyclic }, /^option spoolDir: got an object; allowed: a folder$/],
      [{ service: 'a\0b' }, /^option service: got "a\\u0000b"; allowed: a name, without control characters$/],
      [{ instance: 'a\nb' }, /^option instance: .*without control characters$/],
      [{ rules: 5 }, /^option rules: got 5; allowed: a list of paths or globs$/],
      [{ archiveCron: 'x x x x x' }, /^option archiveCron: got "x x x x x"; allowed: a cron expression/],
      [{ alertsCron: '61 * * * * *' }, /^option alertsCron: .*allowed: a cron expression/],
      [{ archiveCron: '0 0 30 2 *' }, /^option archiveCron: .*allowed: a cron expression/],
      [{ archiveCron: '@hourly' }, /^option archiveCron: .*allowed: a cron expression/],
    ];
    for (const [options, expected] of table) assert.match(refusal(options), expected);
  });

  it('refuses a file that is a folder, and one that aliases would make endless', () => {
    assert.match(refusal({}, { KEEPWATCH_CONFIG: '.' }), /^\.: the file ".*" cannot be read \(EISDIR\)$/);
    const bomb = Array.from({ length: 9 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`);
    yaml(`a0: &a0 x\n${bomb.join('\n')}\n`);
    assert.match(refusal(), /^keepwatch\.yaml:1: is not YAML: Excessive alias count/);
  });

  it('reads to whom trace ids are told', () => {
    const told = (given: string) => load({}, { KEEPWATCH_PROPAGATE: given }).propagate;
    assert.equal(load().propagate, 'all');
    assert.equal(told('none'), 'none');
    assert.deepEqual(told('api.example.com, *.svc.cluster.local,[::1],127.0.0.1'), [
      'api.example.com',
      '*.svc.cluster.local',
      '[::1]',
      '127.0.0.1',
    ]);
    yaml('propagate: [api.example.com]\n');
    assert.deepEqual(load().propagate, ['api.example.com']);
    for (const wrong of ['https://api.example.com', 'api.example.com:443', 'a..b', 'a,', '*.', 'all hosts']) {
      assert.match(
        refusal({}, { KEEPWATCH_PROPAGATE: wrong }),
        /KEEPWATCH_PROPAGATE.*allowed: all, none, or a list of hosts/,
        wrong,
      );
    }
  });

  it('knows loopback addresses', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '[::1]', '::ffff:127.0.0.1'])
      assert.ok(isLoopback(host), host);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.evil.example'])
      assert.ok(!isLoopback(host), host);
  });
});
