// A real Alertmanager without neighbours; all that its configuration does not say is as it comes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres.ts';
import { startProcess } from './process.ts';
import { waitFor } from './wait-for.ts';

export interface Alertmanager {
  /** host:port */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Starts `binary` on a free loopback port, its data in a folder that goes with it.
 * @param config as in alertmanager.yml; default: everything goes to the webhook, as soon as it can
 */
export async function startAlertmanager(
  binary: string,
  webhookUrl: string,
  config: object = {
    route: { receiver: 'hook', group_wait: '0s', group_interval: '1s' },
    receivers: [{ name: 'hook', webhook_configs: [{ url: webhookUrl, send_resolved: true }] }],
  },
): Promise<Alertmanager> {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-alertmanager-'));
  const address = `127.0.0.1:${await freePort()}`;
  writeFileSync(join(folder, 'alertmanager.yml'), JSON.stringify(config));
  const server = startProcess(binary, [
    `--config.file=${folder}/alertmanager.yml`,
    `--storage.path=${folder}/data`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ]);
  await waitFor(async () => (await fetch(`http://${address}/-/ready`)).ok, {
    timeoutMs: 30_000,
    what: 'Alertmanager to be ready',
  });
  return {
    address,
    async stop() {
      await server.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
