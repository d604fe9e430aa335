// A real Prometheus server that scrapes one target every second, for end-to-end tests; it can have rules, evaluated every second, or know a past that
// is made up.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres.ts';
import { startProcess } from './process.ts';
import { waitFor } from './wait-for.ts';

export interface PrometheusServer {
  /** The value of an instant query with a single result; undefined when there is none. */
  query(expression: string): Promise<number | undefined>;
  /** All that its HTTP API answers, below `data`. */
  api(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * Starts `binary` on a free loopback port, its data in a folder that goes with it. It stores exemplars.
 * @param target host:port to scrape at /metrics
 */
export async function startPrometheus(
  binary: string,
  target: string,
  alerting?: { readonly rules: object /** host:port */; readonly alertmanager?: string },
): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-prometheus-'));
  if (alerting !== undefined) writeFileSync(join(folder, 'rules.yml'), JSON.stringify(alerting.rules));
  return start(binary, folder, {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    scrape_configs: [{ job_name: 'keepwatch', static_configs: [{ targets: [target] }] }],
    ...(alerting === undefined ? {} : { rule_files: ['rules.yml'] }),
    ...(alerting?.alertmanager === undefined
      ? {}
      : { alerting: { alertmanagers: [{ static_configs: [{ targets: [alerting.alertmanager] }] }] } }),
  });
}

/**
 * Starts `binary` with samples of the past, and scrapes nothing.
 * @param promtool of the same version
 * @param openMetrics samples with their times in seconds
 */
export async function startPrometheusOf(binary: string, promtool: string, openMetrics: string): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-prometheus-'));
  writeFileSync(join(folder, 'samples.txt'), openMetrics);
  const args = ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'samples.txt'), join(folder, 'data')];
  const { status, stderr } = spawnSync(promtool, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`promtool: ${stderr}`);
  return start(binary, folder, {});
}

async function start(binary: string, folder: string, config: object): Promise<PrometheusServer> {
  const port = await freePort();
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const server = startProcess(binary, [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--enable-feature=exemplar-storage',
  ]);
  const base = `http://127.0.0.1:${port}`;
  await waitFor(async () => (await fetch(`${base}/-/ready`)).ok, { timeoutMs: 30_000, what: 'Prometheus to be ready' });
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`${base}/api/v1/${path}`);
    return ((await response.json()) as { data: unknown }).data;
  };
  return {
    api,
    async query(expression) {
      const data = await api(`query?query=${encodeURIComponent(expression)}`);
      const value = (data as { result: { value: [number, string] }[] }).result[0]?.value[1];
      return value === undefined ? undefined : Number(value);
    },
    async stop() {
      await server.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
