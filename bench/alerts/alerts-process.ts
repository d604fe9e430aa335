// The alerts of a process as production has them: its connections, its tick, its receivers; and what they cost it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Alerts, createAlerts } from '../../src/alerts/alerts.ts';
import { openOwnerConnections, openRulesConnections } from '../../src/alerts/connections.ts';
import { createReceivers } from '../../src/alerts/receivers/receivers.ts';
import { loadSqlParser } from '../../src/alerts/sql-parser.ts';
import type { Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { receiversSchema } from '../../src/receiver-config.ts';
import { answerParent, cpuUs } from '../child-side.ts';
import { createRules, type RuleKind } from './rules.ts';

export interface Setup {
  readonly url: string;
  readonly rulesUrl: string;
  readonly rules: RuleKind;
  /** That many of them share the groups. */
  readonly replicas: number;
}

/** Since the process began. */
export interface ProcessCost {
  readonly cpuMs: number;
  readonly statements: number;
  /** The most that it ever had. */
  readonly rssBytes: number;
}

export type AlertsMethods = {
  /** @returns when the tick runs */
  start(setup: Setup): Promise<void>;
  cost(): ProcessCost;
};

let alerts: Alerts[] = [];
let statements = 0;

/** Counts messages to Postgres: each is a round trip. */
function counting(database: Database): Database {
  database.$pool.on('connect', (client: unknown) => {
    const counted = client as { query: (...given: unknown[]) => unknown };
    const query = counted.query.bind(counted);
    counted.query = (...given) => {
      statements++;
      return query(...given);
    };
  });
  return database;
}

/** Takes every message. */
async function startReceiver(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(204).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

answerParent({
  async start({ url, rulesUrl, rules, replicas }) {
    await loadSqlParser();
    const webhook = { url: await startReceiver(), allowPrivate: true, allowPlaintext: true };
    const receivers = createReceivers(receiversSchema.parse([{ name: 'pager', webhook }]), { logger: silentLogger });
    alerts = Array.from({ length: replicas }, () =>
      createAlerts({
        database: counting(openOwnerConnections(url, 'keepwatch bench')),
        rulesDatabase: counting(openRulesConnections(rulesUrl)),
        groups: createRules(rules),
        problems: [],
        receivers,
        cron: '* * * * * *',
        logger: silentLogger,
      }),
    );
    await Promise.all(alerts.map((one) => one.start()));
  },
  cost: () => ({ cpuMs: cpuUs() / 1000, statements, rssBytes: process.resourceUsage().maxRSS * 1024 }),
} satisfies AlertsMethods);
