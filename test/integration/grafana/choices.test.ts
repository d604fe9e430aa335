import assert from 'node:assert/strict';
import type { Choice } from '../../../grafana/src/choices.ts';
import { chosenNames, chosenSteps } from '../../../grafana/src/rollup-sql.ts';
import { rawRows, steps } from '../../../grafana/src/sql.ts';
import { createKeepwatch, type Keepwatch } from '../../../src/app.ts';
import { silentLogger } from '../../../src/logger.ts';
import { expandSql, type Shown } from '../../support/grafana.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

const METRIC = 'connector_operations_total';
const CHOICES: readonly Choice[] = [
  { name: 'connector', title: 'Connector', label: 'connector_type', metric: METRIC, type: 'connector' },
  { name: 'tenant', title: 'Tenant', label: 'tenant_id', metric: METRIC, type: 'connector' },
];
const CONNECTORS = { type: 'connector', choices: CHOICES } as const;
/** All, where nothing is chosen. */
const DASHBOARD = {
  templating: { list: ['service', 'connector', 'tenant'].map((name) => ({ name, includeAll: true, allValue: 'null' })) },
};
/** Every value that there is; of those that have none, the empty one. */
const EACH = { connector: ['crm', 'blog'], tenant: ['', 'acme', "o'hara", 'globex'] };
const DAY_MS = 86_400_000;

type Row = Readonly<Record<string, unknown>>;

describe('questions to rollups about what variables choose', () => {
  let test: TestDatabase;
  let keepwatch: Keepwatch;
  let spool: ReturnType<typeof createSpoolDir>;
  let to: Date;

  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    keepwatch = await createKeepwatch({
      service: "o'hara",
      databaseUrl: test.url,
      spoolDir: spool.path,
      logger: silentLogger,
    });
    await keepwatch.start();
    for (let index = 0; index < 600; index++) {
      const tenantId = [undefined, 'acme', "o'hara", 'globex'][index % 4];
      keepwatch.tracker.recordConnectorOperation({
        connectorType: index % 3 === 0 ? 'crm' : 'blog',
        operation: `operation-${index % 5}`,
        ...(tenantId === undefined ? {} : { tenantId }),
        durationMs: 1 + ((index * 7919) % 997),
        status: index % 7 === 0 ? 'failure' : index % 11 === 0 ? 'aborted' : 'success',
      });
    }
    await keepwatch.flush();
    to = new Date(Date.now() + 60_000);
  });
  after(async () => {
    await keepwatch?.stop();
    spool?.remove();
    await test?.drop();
  });

  for (const by of ['connector_type', 'tenant_id', undefined]) {
    it(`say with each value chosen, and with All, what keepwatch.timeseries says, by ${by ?? 'nothing'}`, async () => {
      const columns = `${by === undefined ? "'all'" : 'value'} as of, count, aborted, error_rate, avg_ms, p95_ms`;
      const all = inOrder(await ask(steps('connector', columns.replace('value', "coalesce(value, '')"), by)));
      assert.ok(all.length > 0);
      assert.deepEqual(inOrder(await ask(chosenSteps(CONNECTORS, columns, by))), all);
      assert.deepEqual(inOrder(await ask(chosenSteps(CONNECTORS, columns, by), { variables: EACH })), all);
    });
  }

  for (const variables of [
    { tenant: ["o'hara"] },
    { tenant: ["o'hara", 'acme'], connector: ['crm'] },
    { connector: ['blog', 'none'] },
  ] as readonly NonNullable<Shown['variables']>[]) {
    it(`say of ${JSON.stringify(variables)} what raw rows say, over an hour and over days`, async () => {
      const [raw] = await ask(
        `select sum(weight) as count, count(*) filter (where status = 'failure')::float8 / count(*) filter (where status <> 'aborted') as error_rate,
  percentile_disc(0.95) within group (order by duration_ms) filter (where status <> 'aborted') as p95_ms
from keepwatch.observability_metrics
where ${rawRows('connector', '', CHOICES)}`,
        { variables },
      );
      for (const days of [1 / 24, 3]) {
        const sql = chosenNames(CONNECTORS, 'sum(count) over () as count, name, count as own, p95_ms, error_rate', 10);
        const names = await ask(sql, { variables, days });
        assert.equal(Number(names[0]?.['count']), Number(raw?.['count']));
        const rows = await ask(chosenSteps(CONNECTORS, 'count, error_rate, p95_ms'), { variables, days, stepMs: DAY_MS });
        assert.equal(sumOf(rows, 'count'), Number(raw?.['count']));
        if (rows.length !== 1) continue;
        assert.ok(Math.abs(Number(rows[0]?.['error_rate']) - Number(raw?.['error_rate'])) < 1e-9);
        assert.ok(Math.abs(Number(rows[0]?.['p95_ms']) / Number(raw?.['p95_ms']) - 1) < 0.0109);
      }
    });
  }

  it('say rates of whole minutes, wherever the range ends, as keepwatch.timeseries does of a range of whole ones', async () => {
    const { newest } = await test.database.one<{ newest: Date }>(
      'select max(end_time) as newest from keepwatch.observability_metrics',
    );
    const minuteMs = Math.floor(newest.getTime() / 60_000) * 60_000;
    const sql = chosenSteps(CONNECTORS, 'count, per_second');
    for (const seconds of [0, 1, 59, 60]) {
      const end = new Date(minuteMs + seconds * 1000);
      const chosen = await ask(sql, { variables: EACH, end });
      const whole = new Date(Math.floor(end.getTime() / 60_000) * 60_000);
      assert.deepEqual(chosen, await ask(sql, { end: whole }), `${seconds} s behind a minute`);
    }
    assert.ok(sumOf(await ask(sql, { variables: EACH, end: new Date(minuteMs + 60_000) }), 'per_second') > 0);
  });

  it('rank names alike with each value chosen, and with All', async () => {
    const sql = chosenNames(CONNECTORS, 'name, count, error_rate, total_ms, p95_ms', 10);
    const all = inOrder(await ask(sql));
    assert.equal(all.length, 5);
    assert.deepEqual(inOrder(await ask(sql, { variables: EACH })), all);
  });

  it('say nothing of what there is not', async () => {
    for (const sql of [chosenSteps(CONNECTORS, 'value, count, p95_ms', 'tenant_id'), chosenNames(CONNECTORS, 'name, count', 10)])
      assert.deepEqual(await ask(sql, { variables: { tenant: ["nobody'"] } }), []);
    assert.deepEqual(await ask(chosenSteps(CONNECTORS, 'count'), { variables: { service: 'none' } }), []);
  });

  async function ask(
    sql: string,
    {
      variables = {},
      days = 1 / 24,
      stepMs = 60_000,
      end = to,
    }: { variables?: Shown['variables']; days?: number; stepMs?: number; end?: Date } = {},
  ): Promise<Row[]> {
    const from = new Date(end.getTime() - days * DAY_MS);
    const shown: Shown = { from, to: end, stepMs, ...(variables === undefined ? {} : { variables }) };
    return test.database.any<Row>(expandSql(DASHBOARD as never, sql, shown));
  }
});

function sumOf(rows: readonly Row[], column: string): number {
  return rows.reduce((sum, row) => sum + Number(row[column]), 0);
}

/** Numbers of Postgres come as text or not, by their type. */
function inOrder(rows: readonly Row[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(row, (_, value: unknown) =>
        typeof value === 'number' || /^[\d.]+$/.test(String(value)) ? Number(Number(value).toPrecision(12)) : value,
      ),
    )
    .sort();
}
