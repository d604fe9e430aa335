// Scripts of alerts over time, each with routes of its own: what Alertmanager makes of them, Keepwatch has to make too. Written in
// Alertmanager's words. Times are seconds; a group is told 2 s after its first alert and every 4 s from there on, so that what happens at
// 0, 4, 8 and so on is two seconds away from any message.

export type Labels = Readonly<Record<string, string>>;

export interface Step {
  readonly at: number;
  readonly fire?: readonly Labels[];
  readonly resolve?: readonly Labels[];
  /** Matchers such as `team="db"`; `seconds` is how long. */
  readonly silence?: { readonly matchers: readonly string[]; readonly seconds: number };
}

export interface DeliveryScript {
  readonly name: string;
  /** As in `route:`; receivers need no declaration. */
  readonly route: Readonly<Record<string, unknown>> & { readonly receiver: string };
  readonly inhibit?: readonly { source: readonly string[]; target: readonly string[]; equal: readonly string[] }[];
  /** Receivers that do not hear of single alerts that end. */
  readonly withoutResolved?: readonly string[];
  readonly steps: readonly Step[];
}

const TIMING = { group_wait: '2s', group_interval: '4s', repeat_interval: '4h' };
const ops = { receiver: 'ops', ...TIMING };
const byName = { ...ops, group_by: ['alertname'] };

const disk = (host: string, more: Labels = {}): Labels => ({ alertname: 'DiskFull', host, ...more });
const down = (host: string, more: Labels = {}): Labels => ({ alertname: 'HostDown', host, ...more });
const page = (labels: Labels): Labels => ({ ...labels, severity: 'page' });

const GROUPING: readonly DeliveryScript[] = [
  {
    name: 'one-life',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 8, resolve: [disk('a')] },
    ],
  },
  { name: 'joins-while-waiting', route: byName, steps: [{ at: 0, fire: [disk('a'), disk('b')] }] },
  {
    name: 'joins-later',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 4, fire: [disk('b')] },
    ],
  },
  {
    name: 'one-of-two-ends',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 4, resolve: [disk('a')] },
      { at: 12, resolve: [disk('b')] },
    ],
  },
  {
    name: 'both-end-at-once',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 8, resolve: [disk('a'), disk('b')] },
    ],
  },
  {
    name: 'one-ends-as-one-begins',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 4, resolve: [disk('a')], fire: [disk('b')] },
    ],
  },
  {
    name: 'over-between-messages',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 7, fire: [disk('b')] },
      { at: 9, resolve: [disk('b')] },
    ],
  },
  {
    name: 'back-before-the-message',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 7, resolve: [disk('a')] },
      { at: 9, fire: [disk('a')] },
    ],
  },
  {
    name: 'back-after-its-end',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 4, resolve: [disk('a')] },
      { at: 12, fire: [disk('a')] },
      { at: 16, resolve: [disk('a')] },
    ],
  },
  {
    name: 'another-after-the-end',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 4, resolve: [disk('a')] },
      { at: 8, fire: [disk('b')] },
    ],
  },
  { name: 'repeats', route: { ...byName, repeat_interval: '7s' }, steps: [{ at: 0, fire: [disk('a')] }] },
  {
    name: 'repeats-what-is-left',
    route: { ...byName, repeat_interval: '7s' },
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 4, resolve: [disk('a')] },
    ],
  },
  {
    name: 'by-two-labels',
    route: { ...ops, group_by: ['alertname', 'host'] },
    steps: [{ at: 0, fire: [disk('a', { mount: '/' }), disk('a', { mount: '/var' }), disk('b')] }],
  },
  {
    name: 'by-all-labels',
    route: { ...ops, group_by: ['...'] },
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 4, resolve: [disk('b')] },
    ],
  },
  { name: 'by-no-label', route: { ...ops, group_by: [] }, steps: [{ at: 0, fire: [disk('a'), down('a')] }] },
  {
    name: 'by-a-label-that-some-lack',
    route: { ...ops, group_by: ['rack'] },
    steps: [{ at: 0, fire: [disk('a', { rack: '1' }), disk('b'), disk('c')] }],
  },
  { name: 'without-group-by', route: ops, steps: [{ at: 0, fire: [disk('a'), down('b')] }] },
  {
    name: 'without-ends',
    route: byName,
    withoutResolved: ['ops'],
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 4, resolve: [disk('a')] },
      { at: 8, resolve: [disk('b')] },
      { at: 12, fire: [disk('b')] },
    ],
  },
];

const ROUTES: readonly DeliveryScript[] = [
  {
    name: 'first-sibling-wins',
    route: {
      ...byName,
      routes: [
        { matchers: ['severity="page"'], receiver: 'pager' },
        { matchers: ['host="a"'], receiver: 'team' },
      ],
    },
    steps: [{ at: 0, fire: [page(disk('a')), disk('a'), disk('b')] }],
  },
  {
    name: 'continues-to-the-next',
    route: {
      ...byName,
      routes: [
        { matchers: ['severity="page"'], receiver: 'pager', continue: true },
        { matchers: ['host="a"'], receiver: 'team' },
      ],
    },
    steps: [{ at: 0, fire: [page(disk('a')), page(disk('b'))] }],
  },
  {
    name: 'nested-takes-over-the-receiver',
    route: {
      ...byName,
      routes: [
        {
          matchers: ['severity="page"'],
          receiver: 'pager',
          group_by: ['host'],
          routes: [{ matchers: ['host="a"'] }, { matchers: ['host="b"'], receiver: 'second' }],
        },
      ],
    },
    steps: [{ at: 0, fire: [page(disk('a')), page(down('a')), page(disk('b')), page(disk('c'))] }],
  },
  {
    name: 'the-same-receiver-twice',
    route: {
      ...byName,
      routes: [
        { matchers: ['severity="page"'], receiver: 'pager', continue: true },
        { matchers: ['host="a"'], receiver: 'pager', group_by: ['host'] },
      ],
    },
    steps: [{ at: 0, fire: [page(disk('a'))] }],
  },
  {
    name: 'expressions',
    route: {
      ...byName,
      routes: [
        { matchers: ['host=~"db-[0-9]+|cache"'], receiver: 'data' },
        { matchers: ['host!~"web.*"'], receiver: 'rest' },
      ],
    },
    steps: [{ at: 0, fire: [disk('db-12'), disk('db-x'), disk('cache'), disk('web-1'), disk('xdb-1')] }],
  },
  {
    name: 'missing-labels-are-empty',
    route: {
      ...byName,
      routes: [
        { matchers: ['team=""'], receiver: 'nobody' },
        { matchers: ['env!="dev"'], receiver: 'live' },
      ],
    },
    steps: [{ at: 0, fire: [disk('a'), disk('b', { team: 'x' }), disk('c', { team: 'x', env: 'dev' })] }],
  },
  {
    name: 'several-matchers-hold-together',
    route: { ...byName, routes: [{ matchers: ['severity="page"', 'host=~"a|b"'], receiver: 'pager' }] },
    steps: [{ at: 0, fire: [page(disk('a')), disk('b'), page(disk('c'))] }],
  },
  {
    name: 'a-child-with-timing-of-its-own',
    route: { ...byName, routes: [{ matchers: ['severity="page"'], receiver: 'pager', group_wait: '0s', repeat_interval: '7s' }] },
    steps: [{ at: 0, fire: [page(disk('a')), disk('b')] }],
  },
  {
    name: 'leaves-for-another-route',
    route: { ...byName, routes: [{ matchers: ['severity="page"'], receiver: 'pager' }] },
    steps: [
      { at: 0, fire: [disk('a', { severity: 'warning' })] },
      { at: 4, resolve: [disk('a', { severity: 'warning' })], fire: [page(disk('a'))] },
      { at: 12, resolve: [page(disk('a'))] },
    ],
  },
];

const sameHost = { source: ['alertname="HostDown"'], target: ['alertname="DiskFull"'], equal: ['host'] };

const MUTING: readonly DeliveryScript[] = [
  {
    name: 'inhibited-by-the-cause',
    route: byName,
    inhibit: [sameHost],
    steps: [{ at: 0, fire: [down('a'), disk('a'), disk('b')] }],
  },
  {
    name: 'told-when-the-cause-is-over',
    route: byName,
    inhibit: [sameHost],
    steps: [
      { at: 0, fire: [down('a'), disk('a')] },
      { at: 8, resolve: [down('a')] },
    ],
  },
  {
    name: 'over-while-inhibited',
    route: byName,
    inhibit: [sameHost],
    steps: [
      { at: 0, fire: [down('a'), disk('a')] },
      { at: 4, resolve: [disk('a')] },
      { at: 8, resolve: [down('a')] },
    ],
  },
  {
    name: 'inhibited-after-it-was-told',
    route: byName,
    inhibit: [sameHost],
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 4, fire: [down('a')] },
      { at: 12, resolve: [disk('a')] },
      { at: 16, resolve: [down('a')] },
    ],
  },
  {
    name: 'equal-in-what-both-lack',
    route: byName,
    inhibit: [{ ...sameHost, equal: ['rack'] }],
    steps: [{ at: 0, fire: [down('a'), disk('b'), disk('c', { rack: '1' })] }],
  },
  {
    name: 'both-cause-and-effect',
    route: byName,
    inhibit: [{ source: ['severity="page"'], target: ['host="a"'], equal: [] }],
    steps: [{ at: 0, fire: [page(disk('a')), page(down('a')), disk('a'), page(disk('b'))] }],
  },
  {
    name: 'both-cause-and-effect-alone',
    route: byName,
    inhibit: [{ source: ['severity="page"'], target: ['host="a"'], equal: [] }],
    steps: [{ at: 0, fire: [page(disk('a')), page(down('a')), disk('a')] }],
  },
  {
    name: 'silenced-from-the-start',
    route: byName,
    steps: [
      { at: 0, silence: { matchers: ['host="a"'], seconds: 60 }, fire: [] },
      { at: 4, fire: [disk('a'), disk('b')] },
    ],
  },
  {
    name: 'silenced-for-a-while',
    route: byName,
    steps: [
      { at: 0, silence: { matchers: ['host=~"a|z"'], seconds: 12 } },
      { at: 4, fire: [disk('a')] },
    ],
  },
  {
    name: 'silenced-after-it-was-told',
    route: { ...byName, repeat_interval: '7s' },
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 4, silence: { matchers: ['alertname="DiskFull"'], seconds: 60 } },
    ],
  },
  {
    name: 'over-while-silenced',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 4, silence: { matchers: ['host="a"'], seconds: 8 } },
      { at: 8, resolve: [disk('a')] },
      { at: 16, resolve: [disk('b')] },
    ],
  },
  {
    name: 'silenced-while-the-others-end',
    route: byName,
    steps: [
      { at: 0, fire: [disk('a'), disk('b')] },
      { at: 3, silence: { matchers: ['host="b"'], seconds: 9 } },
      { at: 4, resolve: [disk('a')] },
    ],
  },
  {
    name: 'muted-by-time',
    route: {
      ...byName,
      routes: [
        { matchers: ['host="a"'], receiver: 'never', mute_time_intervals: ['always'], continue: true },
        { matchers: ['host="a"'], receiver: 'awake', mute_time_intervals: ['long-ago'], continue: true },
        { matchers: ['host="a"'], receiver: 'closed', active_time_intervals: ['long-ago'], continue: true },
        { matchers: ['host="a"'], receiver: 'open', active_time_intervals: ['long-ago', 'always'] },
      ],
    },
    steps: [
      { at: 0, fire: [disk('a')] },
      { at: 4, resolve: [disk('a')] },
    ],
  },
];

/** The time intervals that routes of scripts may name. */
export const TIME_INTERVALS = [
  { name: 'always', time_intervals: [{ years: ['2000:2199'] }] },
  { name: 'long-ago', time_intervals: [{ years: ['1990'], months: ['march:may'], days_of_month: ['-3:-1'] }] },
];

export const DELIVERY_SCRIPTS: readonly DeliveryScript[] = [...GROUPING, ...ROUTES, ...MUTING];
/** All of them are over by then. */
export const SCRIPT_SECONDS = 23;
