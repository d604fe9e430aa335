// biome-ignore-all lint/suspicious/noTemplateCurlyInString: annotations are templates
// The cases of Prometheus' alert generator compliance suite (prometheus/compliance, alert_generator/cases), in virtual time: the same samples,
// every 15 s, through rules in YAML and Postgres, evaluated every 30 s. Where the suite allows a delay of one slot, here the slot is exact.
// Not taken over: messages sent again and again (our outbox has each sent once), and rules that read the ALERTS of other rules.
import assert from 'node:assert/strict';
import { readAlerts } from '../../../src/alerts/responses.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';

const SAMPLE_SECONDS = 15;
const SLOT_SECONDS = 30;
const START = Math.floor((Date.now() - 2 * 3_600_000) / 60_000) * 60_000;

/** A value, and in how many samples in a row it is there. */
type Runs = readonly (readonly [value: number, samples: number])[];

/** As Prometheus: the sample of the series that is there now; a series without one is over. */
const rule = (alert: string, more: object): object => ({
  alert,
  query: `select name as variant, max(duration_ms) as value from keepwatch.observability_metrics where end_time = :now group by name order by name`,
  missing: { policy: 'ok', after: 1 },
  no_data: { policy: 'ok', after: 1 },
  ...more,
});

describe('The alert generator', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  async function insertSamples(series: Readonly<Record<string, Runs>>): Promise<void> {
    const samples = Object.entries(series).flatMap(([name, runs]) =>
      runs
        .flatMap(([value, count]) => Array.from({ length: count }, () => value))
        .map((value, index) => ({ name, value, at: new Date(START + index * SAMPLE_SECONDS * 1000) })),
    );
    await fixture.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
       select gen_random_uuid(), at, at, value, 1, name, 'api', 'success', 'shop'
       from jsonb_to_recordset($<samples:json>::jsonb) as given(name text, value float8, at timestamptz)`,
      { samples },
    );
  }

  /** Evaluates every slot. @returns what `/api/v1/alerts` says whenever that changes: seconds, then alert, variant, state, value, activeAt, annotation */
  async function evaluate(rules: readonly object[], untilSeconds: number): Promise<Record<number, string[]>> {
    const [group] = parseRules(JSON.stringify({ groups: [{ name: 'suite', every: `${SLOT_SECONDS}s`, rules }] }));
    assert.ok(group !== undefined);
    const evaluator = fixture.createEvaluator([group]);
    const changes: Record<number, string[]> = {};
    let before: string[] = [];
    for (let seconds = 0; seconds <= untilSeconds; seconds += SLOT_SECONDS) {
      const slotMs = START + seconds * 1000;
      assert.notEqual(await evaluator.evaluateGroup(group, { slotMs, isPartial: false, missed: 0 }), undefined);
      const { alerts } = await readAlerts(fixture.database);
      const now = alerts
        .map(({ labels, state, value, activeAt, annotations }) =>
          [labels['alertname'], labels['variant'], state, value, secondsOf(activeAt), annotations['summary']].join(' ').trim(),
        )
        .sort();
      if (now.join() !== before.join()) changes[seconds] = now;
      before = now;
    }
    return changes;
  }

  const secondsOf = (iso: string) => (Date.parse(iso) - START) / 1000;
  /** In the order in which they were made. */
  const messages = async () =>
    (
      await fixture.database.any<{ reason: string; rule: string; payload: Record<string, never> }>(
        `select o.reason, o.rule, o.payload from keepwatch.notification_outbox o join keepwatch.alert_transition t using (incident_id)
         where (o.reason, t.to_state) in (('firing', 'firing'), ('resolved', 'ok')) order by t.id`,
      )
    ).map(({ reason, rule, payload }) => {
      const { labels, startsAt, endsAt, slot } = payload as unknown as {
        labels: Record<string, string>;
        startsAt: string;
        endsAt: string | null;
        slot: string;
      };
      const ends = endsAt === null ? '' : ` to ${secondsOf(endsAt)}`;
      return `${secondsOf(slot)}: ${rule} ${labels['variant'] ?? ''} ${reason}, from ${secondsOf(startsAt)}${ends}`;
    });

  it('goes from pending to firing to inactive, and all over again', async () => {
    await insertSamples({
      one: [
        [3, 1],
        [5, 3],
        [9, 4],
        [11, 13],
        [15, 32],
        [19, 16],
        [9, 20],
        [15, 45],
        [8, 16],
      ],
    });
    const rules = [
      rule('Simple', { fire_when: 'value > 10', for: '6m', labels: { foo: 'bar' }, annotations: { summary: 'is ${value}' } }),
    ];
    assert.deepEqual(await evaluate(rules, 149 * SAMPLE_SECONDS), {
      120: ['Simple one pending 11 120 is 11'],
      330: ['Simple one pending 15 120 is 15'],
      480: ['Simple one firing 15 120 is 15'],
      810: ['Simple one firing 19 120 is 19'],
      1050: [],
      1350: ['Simple one pending 15 1350 is 15'],
      1710: ['Simple one firing 15 1350 is 15'],
      2010: [],
    });
    assert.deepEqual(await messages(), [
      '480: Simple one firing, from 480',
      '1050: Simple one resolved, from 480 to 1050',
      '1710: Simple one firing, from 1710',
      '2010: Simple one resolved, from 1710 to 2010',
    ]);
  });

  it('goes from pending to inactive, by a value or without one, and stays inactive where nothing is wrong', async () => {
    await insertSamples({
      one: [
        [3, 1],
        [5, 3],
        [9, 4],
        [11, 11],
        [9, 41],
      ],
      two: [
        [3, 1],
        [9, 7],
        [11, 9],
      ],
    });
    const rules = [
      rule('Pending', { fire_when: 'value > 10', for: '3m' }),
      rule('Inactive', { fire_when: 'value > 99', for: '3m' }),
    ];
    assert.deepEqual(await evaluate(rules, 59 * SAMPLE_SECONDS), {
      120: ['Pending one pending 11 120', 'Pending two pending 11 120'],
      270: ['Pending one pending 11 120'],
      300: [],
    });
    assert.deepEqual(await messages(), []);
  });

  it('fires at once with a zero `for`, and in the second slot with one that is less than a slot', async () => {
    await insertSamples({
      one: [
        [3, 1],
        [5, 3],
        [9, 4],
        [15, 13],
        [9, 72],
        [11, 13],
        [9, 21],
      ],
      two: [
        [9, 8],
        [15, 9],
      ],
    });
    const rules = [rule('Zero', { fire_when: 'value > 10' }), rule('Small', { fire_when: 'value > 13', for: '15s' })];
    assert.deepEqual(await evaluate(rules, 126 * SAMPLE_SECONDS), {
      120: ['Small one pending 15 120', 'Small two pending 15 120', 'Zero one firing 15 120', 'Zero two firing 15 120'],
      150: ['Small one firing 15 120', 'Small two firing 15 120', 'Zero one firing 15 120', 'Zero two firing 15 120'],
      270: ['Small one firing 15 120', 'Zero one firing 15 120'],
      330: [],
      1410: ['Zero one firing 11 1410'],
      1590: [],
    });
    assert.deepEqual(await messages(), [
      '120: Zero one firing, from 120',
      '120: Zero two firing, from 120',
      '150: Small one firing, from 150',
      '150: Small two firing, from 150',
      '270: Zero two resolved, from 120 to 270',
      '270: Small two resolved, from 150 to 270',
      '330: Zero one resolved, from 120 to 330',
      '330: Small one resolved, from 150 to 330',
      '1410: Zero one firing, from 1410',
      '1590: Zero one resolved, from 1410 to 1590',
    ]);
  });

  it('takes up new alerts beside those that fire, rule by rule in the order of the file', async () => {
    await insertSamples({
      one: [
        [1, 8],
        [11, 65],
        [9, 21],
      ],
      two: [
        [1, 32],
        [11, 33],
        [9, 21],
      ],
    });
    const both = {
      query: `select count(*) filter (where duration_ms > 10) as value from keepwatch.observability_metrics where end_time = :now`,
      fire_when: 'value = 2',
    };
    const rules = [
      rule('Zulu', { fire_when: 'value > 10', for: '3m', labels: { foo: 'bar' } }),
      rule('Alpha', { ...both, for: '3m', labels: { foo: 'baz' } }),
    ];
    assert.deepEqual(await evaluate(rules, 90 * SAMPLE_SECONDS), {
      120: ['Zulu one pending 11 120'],
      300: ['Zulu one firing 11 120'],
      480: ['Alpha  pending 2 480', 'Zulu one firing 11 120', 'Zulu two pending 11 480'],
      660: ['Alpha  firing 2 480', 'Zulu one firing 11 120', 'Zulu two firing 11 480'],
      990: ['Zulu one firing 11 120'],
      1110: [],
    });
    assert.deepEqual(await messages(), [
      '300: Zulu one firing, from 300',
      '660: Zulu two firing, from 660',
      '660: Alpha  firing, from 660',
      '990: Zulu two resolved, from 660 to 990',
      '990: Alpha  resolved, from 660 to 990',
      '1110: Zulu one resolved, from 300 to 1110',
    ]);
  });
});
