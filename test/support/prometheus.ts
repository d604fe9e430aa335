// A real Prometheus server that scrapes one target every second, for end-to-end tests.
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
export async function startPrometheus(binary: string, target: string): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-prometheus-'));
  const port = await freePort();
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: keepwatch\n    static_configs: [{ targets: ["${target}"] }]\n`,
  );
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
