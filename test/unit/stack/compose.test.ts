// docker-compose.yml and its Dockerfile, as far as they can be judged without an engine: nothing floats, nothing is open, nothing is missing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly network_mode?: string;
  readonly mem_limit?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[]; readonly retries: number };
}

const COMPOSE = join(PACKAGE_FOLDER, 'docker-compose.yml');
const TEXT = readFileSync(COMPOSE, 'utf8');
const DOCKERFILE = readFileSync(join(PACKAGE_FOLDER, 'Dockerfile'), 'utf8');
/** With the defaults of all variables. */
const STACK = parse(
  TEXT.replace(/\$\{\w+:-([^}]*)\}/g, (_, value: string) => value),
  { merge: true },
) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const SERVICES = Object.entries(STACK.services);
/** An exact version: at least major and minor, and no word alone. */
const PINNED = /^[a-z][\w./-]*:v?\d+\.\d+[\w.-]*$/;

/** `source:target[:ro]` */
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map((volume) => {
    const [source = '', target = '', mode] = volume.split(':');
    return { source, target, mode };
  });

describe('docker-compose.yml', () => {
  it('pins every image to a version', () => {
    for (const [name, { image, build }] of SERVICES) {
      if (build === undefined) assert.match(image, PINNED, name);
      else assert.equal(image, 'keepwatch-demo:local', name);
    }
    const bases = [...DOCKERFILE.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
    assert.equal(bases.length, 2);
    for (const image of bases) assert.match(image, PINNED);
  });

  it('installs what the lock names and nothing else, Express and prom-client in the versions that are tested', () => {
    const commands = [...DOCKERFILE.matchAll(/\bnp[mx] +(\S+)/g)].map(([, command]) => command);
    assert.deepEqual(commands, ['ci', 'run', 'pack', 'pkg', 'prune']);
    const read = (file: string): unknown => JSON.parse(readFileSync(join(PACKAGE_FOLDER, file), 'utf8'));
    const { devDependencies, peerDependencies, peerDependenciesMeta } = read('package.json') as {
      devDependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
      peerDependenciesMeta: Record<string, { optional: boolean }>;
    };
    const { packages } = read('package-lock.json') as { packages: Record<string, { version: string } | undefined> };
    const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
    assert.deepEqual(peers, ['express', 'prom-client']);
    for (const name of peers) assert.equal(packages[`node_modules/${name}`]?.version, devDependencies[name]);
  });

  it('publishes ports on the loopback address of the machine alone, each once', () => {
    const ports = SERVICES.flatMap(([, service]) => service.ports ?? []);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
    assert.equal(new Set(ports.map((port) => port.split(':')[1])).size, ports.length);
    for (const [name, { network_mode: mode }] of SERVICES) assert.ok(mode === undefined || mode === 'service:demo', name);
  });

  it('mounts what there is, to be read only, and volumes that it declares', () => {
    const used = new Set<string>();
    for (const [name, service] of SERVICES) {
      for (const { source, target, mode } of mountsOf(service)) {
        assert.match(target, /^\//, name);
        if (!source.startsWith('.')) used.add(source);
        else {
          assert.ok(existsSync(join(PACKAGE_FOLDER, source)), `${name}: ${source}`);
          assert.equal(mode, 'ro', `${name}: ${source}`);
        }
      }
    }
    assert.deepEqual(used, new Set(Object.keys(STACK.volumes)));
  });

  it('names no file within a container that no mount and no image brings', () => {
    const { prometheus, grafana, 'grafana-login': login, 'demo-port': port } = STACK.services;
    assert.ok(prometheus && grafana && login && port);
    const inside = (service: Service, path: string) => {
      const mount = mountsOf(service).find(({ target }) => path === target || path.startsWith(`${target}/`));
      return mount !== undefined && existsSync(join(PACKAGE_FOLDER, mount.source, path.slice(mount.target.length)));
    };
    const [, config = ''] = /--config\.file=(\S+)/.exec(prometheus.command?.join('\n') ?? '') ?? [];
    assert.ok(inside(prometheus, config), config);
    assert.ok(inside(login, login.command?.at(-1) ?? ''));
    const { GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: home = '', KEEPWATCH_DASHBOARDS: dashboards = '' } =
      grafana.environment ?? {};
    assert.ok(inside(grafana, home) && inside(grafana, dashboards));
    assert.match(DOCKERFILE, /^COPY scripts\/forward-port\.mjs \.\/$/m);
    assert.equal(port.entrypoint?.[1], '/app/forward-port.mjs');
    assert.ok(existsSync(join(PACKAGE_FOLDER, 'scripts/forward-port.mjs')));
  });

  it('starts each service when what it needs is well, which it can tell', () => {
    const runsOnce = new Set(['migrate', 'grafana-login']);
    for (const [name, { depends_on: needs = {}, healthcheck, mem_limit: memory }] of SERVICES) {
      assert.ok(memory, `${name}: without a bound for its memory`);
      assert.equal(healthcheck === undefined, runsOnce.has(name), name);
      for (const [other, { condition }] of Object.entries(needs)) {
        assert.equal(condition, runsOnce.has(other) ? 'service_completed_successfully' : 'service_healthy', `${name}: ${other}`);
        assert.ok(STACK.services[other], `${name}: ${other}`);
      }
    }
    // `up --wait` waits for the end of one that runs once only if somebody depends on its end.
    const awaited = SERVICES.flatMap(([, { depends_on: needs = {} }]) => Object.keys(needs));
    assert.deepEqual(
      [...runsOnce].filter((name) => !awaited.includes(name)),
      [],
    );
  });

  it('has a default for every variable, and one password for each user on both sides', () => {
    assert.deepEqual(TEXT.match(/\$(?!\{\w+:-[^}]+\})/g), null);
    const { postgres, migrate, demo, grafana, 'grafana-login': login } = STACK.services;
    const environment = (service: Service | undefined) => service?.environment ?? {};
    const owner = new URL(environment(migrate)['DATABASE_URL'] ?? '');
    assert.deepEqual(environment(demo)['DATABASE_URL'], owner.href);
    assert.deepEqual(
      [owner.username, owner.password, owner.pathname],
      ['POSTGRES_USER', 'POSTGRES_PASSWORD', 'POSTGRES_DB'].map(
        (name, index) => (index === 2 ? '/' : '') + environment(postgres)[name],
      ),
    );
    const rules = new URL(environment(demo)['KEEPWATCH_ALERTS_DATABASE_URL'] ?? '');
    assert.deepEqual([rules.username, rules.password], ['keepwatch_rules', environment(migrate)['KEEPWATCH_RULES_PASSWORD']]);
    const sql = readFileSync(join(PACKAGE_FOLDER, 'docs/grafana-login.sql'), 'utf8');
    assert.equal(environment(grafana)['KEEPWATCH_PGUSER'], /\\set login (\w+)/.exec(sql)?.[1]);
    assert.equal(environment(grafana)['KEEPWATCH_PGPASSWORD'], environment(login)['GRAFANA_PASSWORD']);
    const variables = [...TEXT.matchAll(/(\w*PASSWORD): \$\{(\w+):-/g)].map(([, , variable]) => variable);
    assert.equal(variables.filter((name) => name === 'GRAFANA_PASSWORD').length, 2);
  });

  it('lets nobody but viewers in without a password, and tells nobody outside', () => {
    const environment = STACK.services['grafana']?.environment ?? {};
    assert.equal(environment['GF_AUTH_ANONYMOUS_ORG_ROLE'], 'Viewer');
    assert.notEqual(environment['GF_SECURITY_ADMIN_PASSWORD'], 'admin');
    assert.equal(environment['GF_ANALYTICS_REPORTING_ENABLED'], 'false');
    assert.ok(STACK.services['prometheus']?.command?.includes('--enable-feature=exemplar-storage'));
    assert.equal(STACK.services['demo']?.environment?.['KEEPWATCH_ALERTS_ROLE'], undefined);
  });

  it('is valid for docker compose', function () {
    this.timeout(60_000);
    if (spawnSync('docker', ['compose', 'version']).status !== 0) {
      process.stderr.write('      skipped: docker compose is missing: install Docker with its compose plugin\n');
      return this.skip();
    }
    const { status, stderr } = spawnSync('docker', ['compose', '--file', COMPOSE, 'config', '--quiet'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
});

describe('.dockerignore', () => {
  it('keeps out what the image does not need, and nothing that its build does', () => {
    const lines = readFileSync(join(PACKAGE_FOLDER, '.dockerignore'), 'utf8').trim().split('\n');
    for (const kept of ['.git', '**/node_modules', '.keepwatch']) assert.ok(lines.includes(kept), kept);
    const { files } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { files: string[] };
    const needed = new Set(
      [...files.filter((file) => file !== 'dist'), 'src', 'demo', 'scripts', 'tsconfig.build.json'].map(
        (path) => path.split('/')[0],
      ),
    );
    assert.deepEqual(
      lines.filter((line) => needed.has(line)),
      [],
    );
  });
});
