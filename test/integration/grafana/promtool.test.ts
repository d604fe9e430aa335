import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROMETHEUS_FOLDER } from '../../support/promql.ts';
import { needTool } from '../../support/tools.ts';

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

describe('grafana/prometheus, for the real promtool', () => {
  let promtool: string;

  before(function () {
    promtool = needTool(this, 'promtool');
  });

  const filesIn = (folder: string) =>
    readdirSync(join(PROMETHEUS_FOLDER, folder)).map((file) => join(PROMETHEUS_FOLDER, folder, file));
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8' });
    assert.equal(status, 0, `${stdout}${stderr}`);
    return stdout;
  };

  it('holds rules without a fault', () => {
    const said = run('check', 'rules', ...filesIn('rules'));
    assert.equal(said.match(/SUCCESS/g)?.length, filesIn('rules').length);
  });

  it('holds tests of the rules that pass', () => {
    run('test', 'rules', ...filesIn('tests'));
  });

  it('holds rules and tests that agree on Prometheus 3 as well: ranges that are open at their left, bounds written "1.0"', () => {
    // A millisecond less is what "open" is, as samples have whole milliseconds.
    const opened = (text: string) =>
      text.replace(
        /\[(\d+)([mhd])\]/g,
        (_, count: string, unit: string) => `[${Number(count) * (SECONDS[unit] ?? 0) * 1000 - 1}ms]`,
      );
    const folder = mkdtempSync(join(tmpdir(), 'keepwatch-promtool-'));
    try {
      cpSync(PROMETHEUS_FOLDER, folder, { recursive: true });
      for (const path of ['rules', 'tests'].flatMap((part) =>
        readdirSync(join(folder, part)).map((file) => join(folder, part, file)),
      ))
        writeFileSync(path, opened(readFileSync(path, 'utf8')).replace(/\ble="(\d+)"/g, 'le="$1.0"'));
      run('test', 'rules', ...filesIn('tests').map((path) => path.replace(PROMETHEUS_FOLDER, folder)));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('holds configurations that Prometheus would take, with the rules that they name', () => {
    run('check', 'config', join(PROMETHEUS_FOLDER, 'prometheus.yml'));
  });

  it('holds scrape configurations for Kubernetes that fit; Debian builds Prometheus without its discovery', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keepwatch-promtool-'));
    try {
      const text = readFileSync(join(PROMETHEUS_FOLDER, 'scrape-kubernetes.yml'), 'utf8');
      const { scrape_configs } = parse(text) as { scrape_configs: Record<string, unknown>[] };
      const known = scrape_configs.map(({ kubernetes_sd_configs, ...rest }) => {
        assert.deepEqual(kubernetes_sd_configs, [{ role: 'pod' }]);
        return { ...rest, static_configs: [{ targets: ['127.0.0.1:3000'] }] };
      });
      writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({ scrape_configs: known }));
      run('check', 'config', join(folder, 'prometheus.yml'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
