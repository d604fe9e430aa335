// What is wrong with routes is said at start, with its place.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../../src/config.ts';

const RECEIVERS = 'receivers:\n  - { name: chat, console: {} }\n  - { name: pager, console: {} }\n';

describe('routes of keepwatch.yaml', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-routes-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const load = (text: string): Config => {
    writeFileSync(join(folder, 'keepwatch.yaml'), `${RECEIVERS}${text}`);
    return loadConfig({}, { env: {}, folder });
  };
  const refusal = (text: string): string => {
    try {
      load(text);
    } catch (error) {
      return (error as Error).message;
    }
    return assert.fail('it is taken');
  };

  it("are written as Alertmanager's", () => {
    const { route, inhibitRules, timeIntervals, escalations } = load(`
route:
  receiver: chat
  group_by: ['...']
  group_wait: 10s
  routes:
    - matchers: ['severity="critical"', 'team=~"db|search"']
      receiver: pager
      continue: true
      mute_time_intervals: [nights]
      escalation: up
inhibit_rules:
  - { source_matchers: ['alertname="HostDown"'], target_matchers: ['severity="warning"'], equal: [host] }
time_intervals:
  - { name: nights, time_intervals: [{ times: [{ start_time: "22:00", end_time: "24:00" }], location: Europe/Berlin }] }
escalations:
  - { name: up, levels: [{ receiver: chat, after: 15m }] }
`);
    assert.deepEqual([route?.groupBy, route?.groupWaitMs, route?.routes?.[0]?.receiver], ['all', 10_000, 'pager']);
    assert.deepEqual(inhibitRules[0]?.equal, ['host']);
    assert.deepEqual(timeIntervals.get('nights')?.[0]?.times, [{ from: 1320, to: 1440 }]);
    assert.deepEqual(escalations.get('up'), [{ receiver: 'chat', afterMs: 900_000 }]);
  });

  for (const [what, text, message] of [
    [
      'a receiver that is not there',
      'route:\n  receiver: chat\n  routes:\n    - receiver: nobody\n',
      /keepwatch\.yaml:7 route\.routes\[0\]\.receiver: there is no receiver "nobody"; allowed: chat, pager/,
    ],
    [
      'a time interval that is not there',
      'route: { receiver: chat, routes: [{ mute_time_intervals: [x] }] }\n',
      /there is no time interval "x"; allowed: none/,
    ],
    ['an escalation that is not there', 'route: { receiver: chat, escalation: x }\n', /there is no escalation "x"/],
    [
      'an escalation to nobody',
      'escalations: [{ name: a, levels: [{ receiver: x, after: 5m }] }]\n',
      /escalations\[0\]\.levels\[0\]\.receiver: there is no receiver "x"/,
    ],
    [
      'a key that is not there',
      'route:\n  receiver: chat\n  routes:\n    - { recever: pager }\n',
      /keepwatch\.yaml:7 route\.routes\[0\]\.recever: .*unknown key; did you mean receiver\?/,
    ],
    [
      'a matcher that is none',
      `route: { receiver: chat, routes: [{ matchers: ['a~b'] }] }\n`,
      /expected =, !=, =~, !~ at character 2/,
    ],
    [
      'an expression that RE2 does not have',
      `route: { receiver: chat, routes: [{ matchers: ['a=~"(?=b)"'] }] }\n`,
      /no regular expression of RE2/,
    ],
    [
      'words of old Alertmanagers',
      'route: { receiver: chat, routes: [{ match: { a: b } }] }\n',
      /is of old Alertmanagers; write matchers/,
    ],
    [
      'a route behind one that takes all',
      `route:\n  receiver: chat\n  routes:\n    - { receiver: pager }\n    - { matchers: ['a="b"'] }\n`,
      /keepwatch\.yaml:8 route\.routes\[1\]: no alert can reach this route: routes\[0\] \{\} before it takes all of them/,
    ],
    [
      'a route that contradicts the one above it',
      `route: { receiver: chat, routes: [{ matchers: ['a="b"'], routes: [{ matchers: ['a=~"c.*"'] }] }] }\n`,
      /no alert can reach this route: \{a="b",a=~"c\.\*"\} cannot hold together/,
    ],
    [
      'a bound that is none',
      'flap_damping: { changes: 1, slots: 20 }\n',
      /keepwatch\.yaml:4 flap_damping\.changes: .*allowed: a whole number from 3 to 100/,
    ],
  ] as const)
    it(`say where there is ${what}`, () => assert.match(refusal(text), message));

  it('may come one behind the other, where the first goes on', () => {
    const text = `route: { receiver: chat, routes: [{ receiver: pager, continue: true }, { matchers: ['a="b"'] }] }\n`;
    assert.equal(load(text).route?.routes?.length, 2);
  });
});
