// The rule of grafana/provisioning/alerting, evaluated by the real promtool over alerts of which each differs from the first in one label.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { needTool } from '../../support/tools.ts';

const FILE = join(PACKAGE_FOLDER, 'grafana/provisioning/alerting/keepwatch.yml');
const FIRST = {
  alertname: 'KeepwatchEventsDropped',
  alertstate: 'firing',
  severity: 'page',
  job: 'shop',
  instance: 'a:1',
  reason: 'full',
};
const OTHERS = [
  { alertname: 'KeepwatchLogsDropped' },
  { instance: 'b:1' },
  { reason: 'ring' },
  { receiver: 'ops' },
  { pod: 'x' },
];

describe('grafana/provisioning/alerting', () => {
  it('fires once for each alert of Prometheus, and has its name where Grafana leaves it alone', function () {
    const promtool = needTool(this, 'promtool');
    const { groups } = parse(readFileSync(FILE, 'utf8')) as {
      groups: { rules: { data: { model: { expr?: string } }[] }[] }[];
    };
    const expr = groups[0]?.rules[0]?.data[0]?.model.expr;
    const alerts = [FIRST, ...OTHERS.map((other) => ({ ...FIRST, ...other }))];
    const seen = alerts.map(({ alertname, alertstate: _state, ...labels }) => ({
      labels: selector({ ...labels, alert: alertname }),
      value: 1,
    }));
    const tests = {
      tests: [
        {
          interval: '1m',
          input_series: [...alerts, { ...FIRST, alertstate: 'pending', instance: 'c:1' }].map((labels) => ({
            series: `ALERTS${selector(labels)}`,
            values: '1 1',
          })),
          promql_expr_test: [{ expr, eval_time: '1m', exp_samples: seen }],
        },
      ],
    };
    const folder = mkdtempSync(join(tmpdir(), 'keepwatch-alerting-'));
    try {
      writeFileSync(join(folder, 'test.yml'), JSON.stringify(tests));
      const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', join(folder, 'test.yml')], { encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function selector(labels: Readonly<Record<string, string>>): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}}`;
}
