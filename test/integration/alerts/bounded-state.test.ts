// What is known of series is bounded, however many come and go: in memory by the rows that are read, in Postgres by the rows that are kept.
import assert from 'node:assert/strict';
import { MAX_KNOWN } from '../../../src/alerts/known-series.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { sqlState } from '../../../src/db/database.ts';
import { type AlertsFixture, openAlertsFixture } from '../../support/alerts.ts';
import { groupOf, type RuleText } from '../../support/rule-inputs.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 86_400_000) / 3_600_000) * 3_600_000 + MINUTE;
const PER_RULE = 2500;
const IDLE_IN_TRANSACTION = '25P03';

/** `count` series from number `from` on, all of this value. */
const seriesOf = (from: number, count: number, value: number) =>
  `select 'tenant ' || n as name, ${value}::float8 as value from generate_series(${from}, ${from + count - 1}) as n`;

describe('What is known of series', function () {
  this.timeout(120_000);
  let fixture: AlertsFixture;
  /** Rows of series that the newest slots have read, statement by statement. */
  let read: number[] = [];
  beforeEach(async () => {
    fixture = await openAlertsFixture();
    fixture.database.$pool.on('connect', (client: unknown) => {
      const counted = client as { query: (...given: unknown[]) => unknown };
      const query = counted.query.bind(counted);
      counted.query = (...given) => {
        const done = given.at(-1);
        if (typeof done !== 'function' || !String(given[0]).includes("encode(fingerprint, 'hex') as fingerprint, state"))
          return query(...given);
        const note = (error: unknown, result: { rows: unknown[] } | undefined) => {
          if (result !== undefined) read.push(result.rows.length);
          done(error, result);
        };
        return query(...given.slice(0, -1), note);
      };
    });
    // What was connected before is not counted.
    await fixture.database.$pool
      .connect()
      .then((client) => (client as unknown as { release(destroy: boolean): void }).release(true));
  });
  afterEach(() => fixture.close());

  /** As the schedule does: a slot that a busy machine was too slow for is still due. */
  const evaluate = async (group: RuleGroup, minute: number) => {
    const slot = { slotMs: START + minute * MINUTE, isPartial: false, missed: 0 };
    for (let attempt = 1; ; attempt++) {
      read = [];
      try {
        assert.ok((await fixture.createEvaluator([group]).evaluateGroup(group, slot)) !== undefined);
        return;
      } catch (error) {
        if (sqlState(error) !== IDLE_IN_TRANSACTION || attempt === 5) throw error;
      }
    }
  };
  const play = async (rule: RuleText, minute: number) => evaluate(groupOf({ max_messages: 5, ...rule }), minute);
  const texts = async (sql: string) => (await fixture.database.any<{ text: string }>(sql)).map(({ text }) => text);
  const states = () =>
    texts(`select concat_ws(' ', count(*), state) as text from keepwatch.alert_instance group by state order by state`);
  const errors = () => texts(`select error as text from keepwatch.alert_evaluation where outcome = 'error' order by slot`);
  const ended = () =>
    texts(
      `select concat_ws(' ', count(*), reason) as text from keepwatch.alert_transition where to_state = 'ok' group by reason`,
    );

  it('is an error beyond the most that a rule may have, which ends none of them', async () => {
    await play({ query: seriesOf(0, MAX_KNOWN, 20) }, 0);
    assert.deepEqual(await states(), [`${MAX_KNOWN} firing`]);
    // Others take their place, slot by slot; `keep` lets go of none.
    for (const slot of [1, 2]) {
      await play({ query: seriesOf(slot * MAX_KNOWN, MAX_KNOWN, 20) }, slot);
      assert.deepEqual(read, [MAX_KNOWN]);
    }
    const told = await errors();
    assert.equal(told.length, 2);
    assert.match(told[0] ?? '', /would have to know more than 20000 series.*keepwatch alerts forget/);
    assert.deepEqual([await states(), await ended()], [[`${MAX_KNOWN} firing`], []]);
    await play({ query: seriesOf(0, MAX_KNOWN, 0) }, 3);
    assert.deepEqual([await states(), await ended()], [[], [`${MAX_KNOWN} clear`]]);
  });

  it('makes room where what is missing is over', async () => {
    for (const slot of [0, 1, 2]) {
      await play({ query: seriesOf(slot * MAX_KNOWN, MAX_KNOWN, 20), missing: { policy: 'ok', after: 1 } }, slot);
      assert.deepEqual(read, [slot === 0 ? 0 : MAX_KNOWN]);
      assert.deepEqual(await states(), [`${MAX_KNOWN} firing`]);
    }
    assert.deepEqual([await errors(), await ended()], [[], [`${2 * MAX_KNOWN} missing`]]);
  });

  it('is nothing of those that are well, where the rule misses none; and no more than the most where it does', async () => {
    for (const slot of [0, 1]) {
      await play({ query: seriesOf(slot * MAX_KNOWN, MAX_KNOWN, 0) }, slot);
      assert.deepEqual([read, await states()], [[0], []]);
    }
    const watching = { alert: 'Watches', missing: { policy: 'nodata', after: 2 } };
    for (const slot of [2, 3]) await play({ ...watching, query: seriesOf(slot * MAX_KNOWN, MAX_KNOWN, 0) }, slot);
    assert.deepEqual([read, await states()], [[MAX_KNOWN], [`${MAX_KNOWN} ok`]]);
    assert.equal((await errors()).length, 1);
  });

  it('is read for as many rules at a time as there is room for', async () => {
    const rules = (value: number) =>
      groupOf(
        ...Array.from({ length: 12 }, (_, index) => ({
          alert: `R${index}`,
          query: value > 0 ? seriesOf(0, PER_RULE, value) : seriesOf(0, 1, value),
          max_messages: 1,
        })),
      );
    await evaluate(rules(20), 0);
    await evaluate(rules(0), 1);
    assert.ok(
      read.every((rows) => rows <= MAX_KNOWN + 1),
      String(read),
    );
    assert.equal(
      read.filter((rows) => rows <= MAX_KNOWN).reduce((sum, rows) => sum + rows, 0),
      12 * PER_RULE,
    );
    assert.deepEqual(await states(), [`${12 * (PER_RULE - 1)} firing`]);
    assert.deepEqual(await errors(), []);
  });

  it('forgets a pending series that was not seen for a day, on the record; one that is seen, and one that is missed, it keeps', async () => {
    const waiting = (names: readonly string[]) =>
      `select name, 20::float8 as value from unnest('{${names.join()}}'::text[]) as name`;
    const rules = (names: readonly string[]) =>
      groupOf(
        { alert: 'Keeps', query: waiting(names), for: '48h' },
        { alert: 'Misses', query: waiting(names), for: '48h', missing: { policy: 'alert', after: 1 } },
      );
    await evaluate(rules(['gone', 'here']), 0);
    for (const hour of [1, 24, 27]) await evaluate(rules(['here']), hour * 60 - 1);
    assert.deepEqual(
      await texts(`select concat_ws(' ', rule, labels ->> 'name', state) as text from keepwatch.alert_instance order by 1`),
      ['Keeps here pending', 'Misses gone pending', 'Misses here pending'],
    );
    assert.deepEqual(
      await texts(
        `select concat_ws(' ', rule, labels ->> 'name', reason, suppressed) as text from keepwatch.alert_transition where to_state = 'ok'`,
      ),
      ['Keeps gone forgotten'],
    );
    assert.deepEqual(await texts('select reason as text from keepwatch.notification_outbox'), []);
  });
});
