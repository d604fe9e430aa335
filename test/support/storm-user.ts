// A process that evaluates and delivers until it is ended, beside a storm of alerts. Arguments: URL of the database, URL of Slack's double, `routed` for
// one group, else each alert alone. Prints its largest resident memory, in bytes, after each pass.
import { createAlerts } from '../../src/alerts/alerts.ts';
import { loadSqlParser } from '../../src/alerts/sql-parser.ts';
import { createDatabase } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { createRoutes } from '../../src/routing/route.ts';
import { openReceivers } from './receivers.ts';
import { stormRules } from './storm.ts';

await loadSqlParser();
const [url = '', rulesUrl = '', slack = '', kind = ''] = process.argv.slice(2);
const database = createDatabase({ url, max: 4 });
const rulesDatabase = createDatabase({ url: rulesUrl, max: 4 });
const route =
  kind === 'routed'
    ? createRoutes({ receiver: 'chat', groupBy: ['alertname'], groupWaitMs: 0, groupIntervalMs: 1000 })
    : undefined;
const alerts = createAlerts({
  ...{ database, rulesDatabase, groups: stormRules(), problems: [], cron: '* * * * * *', logger: silentLogger },
  receivers: openReceivers([{ name: 'chat', slack: { url: slack, allowPrivate: true, allowPlaintext: true } }]),
  routing: { route, inhibitRules: [], timeIntervals: new Map(), escalations: new Map() },
});
await alerts.start();
let most = 0;
setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
  process.stdout.write(`${most}\n`);
}, 250);
