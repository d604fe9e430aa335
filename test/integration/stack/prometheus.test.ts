// The Prometheus of docker-compose.yml, for the real promtool, and against the rest of the stack.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { PROMETHEUS_FOLDER } from '../../support/promql.ts';
import { needTool } from '../../support/tools.ts';

const FILE = join(PROMETHEUS_FOLDER, 'compose.yml');

describe('grafana/prometheus/compose.yml', () => {
  it('is what Prometheus would take, with all rules that ship', function () {
    const promtool = needTool(this, 'promtool');
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'config', FILE], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
    const rules = readdirSync(join(PROMETHEUS_FOLDER, 'rules'));
    for (const file of rules) assert.ok(stdout.includes(`rules/${file}`), file);
  });

  it('scrapes the demo where docker-compose.yml serves it, as often as Grafana is told', () => {
    const { global, scrape_configs: jobs } = parse(readFileSync(FILE, 'utf8')) as {
      global: { scrape_interval: string };
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const { services } = parse(readFileSync(join(PACKAGE_FOLDER, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
      services: {
        'demo-port': { entrypoint: string[]; network_mode: string };
        grafana: { environment: Record<string, string> };
        demo: { ports: string[] };
      };
    };
    const [, , port] = services['demo-port'].entrypoint;
    assert.deepEqual(
      jobs.flatMap(({ static_configs: configs }) => configs.flatMap(({ targets }) => targets)),
      [`${services['demo-port'].network_mode.slice('service:'.length)}:${port}`],
    );
    assert.ok(services.demo.ports[0]?.endsWith(`:${port}`));
    assert.equal(global.scrape_interval, services.grafana.environment['KEEPWATCH_SCRAPE_INTERVAL']);
  });
});
