import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROMETHEUS_FOLDER } from '../../support/promql.ts';
import { needTool } from '../../support/tools.ts';

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

describe('grafana/prometheus, for the real promtool', function () {
  this.timeout(120_000);
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

  it('makes targets of pods: an address of their own, a job of namespace and app; Debian builds Prometheus without its discovery', () => {
    const pod = { namespace: 'prod', pod_name: 'shop-1', pod_phase: 'Running', pod_annotation_prometheus_io_scrape: 'true' };
    const asked = { ...pod, pod_annotation_prometheus_io_port: '3000', pod_label_app_kubernetes_io_name: 'shop' };
    const found = discover([
      ['10.0.0.7:80', { ...asked, pod_ip: '10.0.0.7' }],
      ['[fd00::7]:80', { ...asked, namespace: 'staging', pod_ip: 'fd00::7' }],
      ['10.0.0.8:8080', { ...pod, pod_ip: '10.0.0.8', pod_annotation_prometheus_io_path: '/own' }],
      ['10.0.0.9:8080', { ...asked, pod_ip: '10.0.0.9', pod_phase: 'Succeeded' }],
      ['10.0.0.10:8080', { ...asked, pod_ip: '10.0.0.10', pod_annotation_prometheus_io_scrape: 'false' }],
    ]);
    const own = found.map(({ instance, job, pod: name, __metrics_path__: path }) => `${instance}${path} ${job} ${name}`);
    // promtool tells of them in any order.
    assert.deepEqual(
      new Set(own),
      new Set([
        '10.0.0.7:3000/metrics prod/shop shop-1',
        '[fd00::7]:3000/metrics staging/shop shop-1',
        '10.0.0.8:8080/own prod shop-1',
      ]),
    );
  });

  type Labels = Readonly<Record<string, string>>;

  /** What scrape-kubernetes.yml makes of pods that Kubernetes tells of. @param pods address and labels, these without `__meta_kubernetes_` */
  function discover(pods: readonly (readonly [string, Labels])[]): Labels[] {
    const text = readFileSync(join(PROMETHEUS_FOLDER, 'scrape-kubernetes.yml'), 'utf8');
    const { scrape_configs } = parse(text) as { scrape_configs: { job_name: string; kubernetes_sd_configs: unknown }[] };
    const [{ kubernetes_sd_configs, ...rest } = assert.fail(), ...others] = scrape_configs;
    assert.deepEqual([kubernetes_sd_configs, others], [[{ role: 'pod' }], []]);
    const metaOf = (labels: Labels) =>
      Object.fromEntries(Object.entries(labels).map(([name, value]) => [`__meta_kubernetes_${name}`, value]));
    const static_configs = pods.map(([address, labels]) => ({ targets: [address], labels: metaOf(labels) }));
    const folder = mkdtempSync(join(tmpdir(), 'keepwatch-promtool-'));
    try {
      const file = join(folder, 'prometheus.yml');
      writeFileSync(file, JSON.stringify({ scrape_configs: [{ ...rest, static_configs }] }));
      run('check', 'config', file);
      const said = run('check', 'service-discovery', '--timeout=2s', file, rest.job_name);
      return (JSON.parse(said) as { labels: Labels }[])
        .map(({ labels }) => labels)
        .filter(({ instance }) => instance !== undefined);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
});
