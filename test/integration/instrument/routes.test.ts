import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const PROGRAM = new URL('./programs/routes.ts', import.meta.url).pathname;
const REGISTER = new URL('../../../src/register.ts', import.meta.url).pathname;

/** What is asked, and the template it has to be recorded under. `/handled` is an error handler at the end of the app. */
const templates: Record<string, string> = {
  '/plain': '/plain',
  '/plain/leaf/1': '/plain/leaf/:leaf',
  '/PLAIN/leaf/1': '/plain/leaf/:leaf',
  '/plain/fail/1': '/plain/fail/:leaf',
  '/handled/plain/fail/1': '/plain/fail/:leaf',
  '/plain/async-fail': '/plain/async-fail',
  '/handled/plain/async-fail': '/plain/async-fail',
  '/handled/plain/not-found': '/plain/not-found',
  '/plain/nothing': '__unmatched__',
  '/handled/plain/nothing': '__unmatched__',
  '/plain/router': '__unmatched__',
  '/plain/first': '/plain/first',
  '/plain/second/2': '/plain/second/:n',
  '/plain/digits-12': '/plain/^\\/digits-(\\d+)$/',
  '/plain/leaf/%': '__unmatched__',
  '/handled/plain/leaf/%': '__unmatched__',
  '/plain/longer/leaf/1': '/plain/longer/leaf/:leaf',
  '/tenants/acme/leaf/acme': '/tenants/:tenant/leaf/:leaf',
  '/tenants/tenants/leaf/leaf': '/tenants/:tenant/leaf/:leaf',
  '/tenants/a%2Fb/leaf/1': '/tenants/:tenant/leaf/:leaf',
  '/tenants/acme/fail/1': '/tenants/:tenant/fail/:leaf',
  '/handled/tenants/acme/fail/1': '/tenants/:tenant/fail/:leaf',
  '/tenants/acme/nothing': '__unmatched__',
  '/same/x/x/leaf/x': '/same/:a/:b/leaf/:leaf',
  '/either/1/leaf/1': '/either/:x/leaf/:leaf',
  '/or/leaf/1': '/or/leaf/:leaf',
  '/nested-array/leaf/1': '/nested-array/leaf/:leaf',
  '/nested/x/leaf/1': '/nested/:deep/leaf/:leaf',
  '/version-12/leaf/1': '/^\\/version-(\\d+)/leaf/:leaf',
  '/trailing/leaf/1': '/trailing/leaf/:leaf',
  '/optional/x/leaf/1': '/optional/:o?/leaf/:leaf',
  '/wild/x/leaf/1': '/wild/*',
  '/merged/acme/orders/9/leaf/1': '/merged/:tenant/orders/:order/leaf/:leaf',
  '/merged/acme/orders/9/fail/1': '/merged/:tenant/orders/:order/fail/:leaf',
  '/merged/acme/nothing': '__unmatched__',
  '/sub/1/deep/2/leaf/3': '/sub/:s/deep/:d/leaf/:leaf',
  '/sub/1/deep/2/fail/3': '/sub/:s/deep/:d/fail/:leaf',
  '/handled/sub/1/deep/2/fail/3': '/sub/:s/deep/:d/fail/:leaf',
  '/sub/1/own/2/boom/3': '/sub/:s/own/:o/boom/:id',
  '/sub/1/own/2/nothing': '__unmatched__',
  '/sub/1/nothing': '__unmatched__',
  '/params/good': '/params/:id',
  '/params/bad': '/params/:id',
  '/handled/params/bad': '/params/:id',
  '/chain/1': '/chain/:id',
  '/validated/1': '/validated/:id',
  '/validated-error/1': '/validated-error/:id',
  '/handled/validated-error/1': '/validated-error/:id',
  '/again/1': '/plain/leaf/:leaf',
  '/redirect/1': '/redirect/:id',
  '/passed/1': '__unmatched__',
  '/': '__unmatched__',
  '/function/1': '/function/:id',
  '/function/1/below': '/function/:id',
  '/function/fail': '/function/:id',
  '/handled/function/fail': '/function/:id',
  '/function/pass': '__unmatched__',
  '/odd/leaf/1': '/odd/leaf/:leaf',
  '/static/routes.ts': '/static',
  '/static/none.txt': '__unmatched__',
  '/cased/1': '/Cased/:id',
  '/all/of/it': '__unmatched__',
  '/no/such/page?secret=1': '__unmatched__',
};

/** Express 4 makes one expression of an array; this one does not come apart again. */
const unread4 = { '/odd/leaf/1': '/^\\/odd\\/?(?=\\/|$)|^(\\/odder|^\\/oddest)/i/leaf/:leaf' };
const of4 = { '/custom/12/leaf/1': '/custom/:id(\\d+)/leaf/:leaf', '/plain/%': '__unmatched__' };
const of5 = {
  '/part/1.2/leaf/1': '/part/:major.:minor/leaf/:leaf',
  '/optional/x/leaf/1': '/optional{/:o}/leaf/:leaf',
  '/wild/x/leaf/1': '/wild/*rest',
};
/** What Express 5.2 leaves without a trace when nothing was registered: parts of segments, regular expressions, what is optional. */
const guessed = {
  '/part/1.2/leaf/1': '/part/*/leaf/:leaf',
  '/optional/x/leaf/1': '/optional/:o/leaf/:leaf',
  '/version-12/leaf/1': '/*/leaf/:leaf',
};

function templatesOf(copy: string, isRegistered: boolean, paths: string[]): Record<string, string> {
  const imports = ['--import', 'tsx', ...(isRegistered ? ['--import', REGISTER] : [])];
  const { stdout, stderr } = spawnSync(process.execPath, [...imports, PROGRAM, copy, ...paths], { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Record<string, string>;
}

const variants: [string, string, boolean, Record<string, string>][] = [
  ['Express 5.3', 'express', false, of5],
  ['Express 5.3, registered', 'express', true, of5],
  ['Express 5.2', 'express5-2', false, { ...of5, ...guessed }],
  ['Express 5.2, registered', 'express5-2', true, of5],
  ['Express 4', 'express4', false, { ...of4, ...unread4 }],
  ['Express 4, registered', 'express4', true, of4],
];

describe('templates of routes', () => {
  for (const [title, copy, isRegistered, own] of variants) {
    it(`are those under which the routes were registered (${title})`, () => {
      const expected = { ...templates, ...own };
      assert.deepEqual(templatesOf(copy, isRegistered, Object.keys(expected)), expected);
    }).timeout(60_000);
  }
});
