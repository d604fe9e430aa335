// Incidents that somebody works on, over HTTP: open ones only, and shown where alerts are.
import assert from 'node:assert/strict';
import { createAlerts } from '../../../src/alerts/alerts.ts';
import type { Acknowledgement } from '../../../src/alerts/delivery/acknowledgements.ts';
import type { AlertsData } from '../../../src/alerts/responses.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { insertIncidents } from '../../support/incidents.ts';

const OPEN = 'aaaaaaaa-0000-8000-8000-000000000001';
const TWIN = 'aaaaaaaa-0000-8000-8000-000000000002';
const PENDING = 'bbbbbbbb-0000-8000-8000-000000000001';
const ENDED = 'cccccccc-0000-8000-8000-000000000001';
const UNKNOWN = 'dddddddd-0000-8000-8000-000000000001';
const ANA = { by: 'ana', comment: 'looking' };

describe('the API of acknowledgements', function () {
  this.timeout(60_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
    await insertIncidents(fixture.database, { [OPEN]: 'firing', [TWIN]: 'nodata', [PENDING]: 'pending', [ENDED]: 'ok' });
  });
  after(() => fixture.close());
  beforeEach(() => fixture.database.multi('delete from keepwatch.alert_acknowledgement; delete from keepwatch.alert_audit'));

  const path = (incident: string) => `/alerts/${incident}/acknowledgement`;
  const acknowledge = (incident: string, body: unknown = ANA, headers = {}) =>
    fixture.send<Acknowledgement>('post', path(incident), { body, headers });
  const withdraw = (incident: string) => fixture.send<Acknowledgement>('delete', path(incident));
  const shown = async () => {
    const { database, rulesDatabase } = fixture;
    const alerts = createAlerts({
      ...{ database, rulesDatabase, groups: [], problems: [], cron: '* * * * * *', logger: silentLogger },
      receivers: { names: [], list: () => [], send: () => assert.fail() },
    });
    const data: AlertsData = await alerts.alertsResponse();
    await alerts.stop();
    return Object.fromEntries(
      data.alerts.map(({ keepwatch_incident_id, keepwatch_acknowledgement }) => [
        keepwatch_incident_id,
        keepwatch_acknowledgement?.by,
      ]),
    );
  };

  it('notes who works on an open incident, and takes it back', async () => {
    const made = await acknowledge(OPEN);
    assert.equal(made.status, 200, made.error);
    const { acknowledged_at, ...acknowledgement } = made.data;
    assert.deepEqual(acknowledgement, { incident_id: OPEN, ...ANA, until: null });
    assert.ok(Math.abs(Date.parse(acknowledged_at) - Date.now()) < 60_000);
    assert.equal((await acknowledge(PENDING.slice(0, 8), { by: 'ben' })).data.incident_id, PENDING);
    assert.deepEqual(await shown(), { [OPEN]: 'ana', [PENDING]: 'ben' });

    const taken = await acknowledge(OPEN.toUpperCase(), { by: 'cleo', until: '2h' });
    assert.deepEqual([taken.data.by, taken.data.comment], ['cleo', '']);
    assert.ok(Math.abs(Date.parse(taken.data.until ?? '') - Date.now() - 7_200_000) < 60_000);
    assert.deepEqual((await withdraw(OPEN)).data, taken.data);
    assert.deepEqual([(await withdraw(OPEN)).status, (await withdraw(UNKNOWN)).status], [404, 404]);
    assert.deepEqual(await shown(), { [OPEN]: undefined, [PENDING]: 'ben' });
  });

  it('shows it no more once its time is over', async () => {
    await acknowledge(OPEN, { ...ANA, until: new Date(Date.now() + 3_600_000).toISOString() });
    assert.equal((await shown())[OPEN], 'ana');
    await fixture.database.none(`update keepwatch.alert_acknowledgement set until = now() - interval '1 second'`);
    assert.equal((await shown())[OPEN], undefined);
  });

  it('records who said so', async () => {
    await acknowledge(OPEN, ANA, { 'keepwatch-actor': 'page' });
    await acknowledge(OPEN, { by: 'ben' });
    await acknowledge(OPEN, { by: '' });
    await withdraw(OPEN);
    const records = await fixture.database.any<Record<string, { by: string } | null>>(
      'select kind, name, action, actor, before, after from keepwatch.alert_audit order by id',
    );
    assert.deepEqual(
      records.map(({ kind, name, action, actor, before, after }) => [kind, name, action, actor, before?.by, after?.by]),
      [
        ['acknowledgement', OPEN, 'create', 'page', undefined, 'ana'],
        ['acknowledgement', OPEN, 'update', 'api', 'ana', 'ben'],
        ['acknowledgement', OPEN, 'delete', 'api', 'ben', undefined],
      ],
    );
  });

  const refused: [what: string, incident: string, body: unknown, status: number, says: RegExp][] = [
    [
      'one that is over',
      ENDED,
      ANA,
      400,
      /^incident: cccccccc-.*-000000000001 \(R \{"name":"cccccccc"\}\) is over since 20.*; allowed: one that is open/,
    ],
    ['one that never was', UNKNOWN, ANA, 404, /^no incident has the id dddddddd-/],
    [
      'one of several',
      'aaaaaaaa',
      ANA,
      400,
      /^incident: "aaaaaaaa" is the beginning of several; more of it: aaaaaaaa-.*-000000000001 \(R .*; aaaaaaaa-.*-000000000002 \(R/,
    ],
    [
      'too few characters',
      'aaaaaaa',
      ANA,
      400,
      /^incident: got "aaaaaaa"; allowed: an id \(a uuid\), or its first 8 characters and more/,
    ],
    ['what is no id', 'aaaaaaaa_0000', ANA, 400, /^incident: got "aaaaaaaa_0000"/],
    ['nobody', OPEN, {}, 400, /^by: got nothing; allowed: who/],
    ['an unknown key', OPEN, { ...ANA, endsAt: '2h' }, 400, /^endsAt: unknown; allowed: by, comment, until$/],
    [
      'a time that has passed',
      OPEN,
      { ...ANA, until: '2026-01-01T00:00:00Z' },
      400,
      /^until: got 2026-01-01T00:00:00.000Z; allowed: later than now/,
    ],
    [
      'what is no time',
      OPEN,
      { ...ANA, until: 'tomorrow' },
      400,
      /^until: got "tomorrow"; allowed: a time as RFC 3339 has it .* or how long from now on/,
    ],
  ];
  for (const [what, incident, body, status, says] of refused) {
    it(`refuses ${what}`, async () => {
      const answer = await acknowledge(incident, body);
      assert.equal(answer.status, status, answer.error);
      assert.match(answer.error ?? '', says);
      assert.deepEqual(await fixture.database.any('select from keepwatch.alert_acknowledgement'), []);
    });
  }

  it('wants the token', async () => {
    assert.equal((await fixture.api.send('post', path(OPEN), { body: ANA })).status, 401);
    assert.equal((await fixture.api.send('delete', path(OPEN))).status, 401);
  });
});
