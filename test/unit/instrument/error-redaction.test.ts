import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KeepwatchError } from '../../../src/errors.ts';
import { errorText } from '../../../src/instrument/bounded-text.ts';
import { createRedact } from '../../../src/instrument/error-redaction.ts';

const redact = createRedact();

describe('createRedact', () => {
  const taken: [string, string, string][] = [
    ['an e-mail address', 'no user bob.smith+x@mail.example.com found', 'no user [email] found'],
    ['one in other letters', 'für jürgen@müller.example, bitte', 'für [email], bitte'],
    ['a bearer token', 'refused: Authorization: Bearer abc.DEF-123_x=', 'refused: Authorization: [secret] [token]'],
    ['a JSON web token', 'bad eyJhbGciOi.eyJzdWIi.c2ln here', 'bad [token] here'],
    [
      'keys of known makers',
      'Incorrect API key provided: sk-proj-abcdefghijkl, AKIAABCDEFGHIJKLMNOP',
      'Incorrect API key provided: [token], [token]',
    ],
    ['a secret with its name', 'connect dbname=x password=hunter2 sslmode=on', 'connect dbname=x password=[secret] sslmode=on'],
    ['a secret in JSON', '{"client_secret":"a, b", "id": 1}', '{"client_secret":[secret], "id": 1}'],
    ['a query string', 'GET https://api.example/v1/users?name=bob&x=1 failed', 'GET https://api.example/v1/users?[query] failed'],
    ['credentials in a URL', 'postgres://u:p@db:5432/x is down', 'postgres://***@db:5432/x is down'],
    [
      'the key of a row',
      'duplicate: Key (name, born)=(Bob (Jr), 1970) already exists',
      'duplicate: Key (name, born)=([value]) already exists',
    ],
    ['a card number', 'card 4111 1111 1111 1111 declined', 'card [number] declined'],
    ['a phone number', 'call +41 79 555-12 34', 'call +[number]'],
    ['a bank account', 'to CH93 0076 2011 6238 5295 7 refused', 'to [number] refused'],
  ];
  for (const [title, given, expected] of taken) {
    it(`takes out ${title}`, () => assert.equal(redact(given), expected));
  }

  const kept = [
    "Cannot read properties of undefined (reading 'name')",
    'relation "users" does not exist',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'HTTP 503 after 30000 ms',
    'Unexpected token } in JSON at position 4711',
    'cannot find lodash@4.17.21 in node_modules/@scope/pkg',
    'expired at 2026-11-21 10:00:00.123',
    'no such file /srv/app/dist/index.js:10:21',
    'what? why = because',
  ];
  for (const text of kept) it(`keeps ${JSON.stringify(text)}`, () => assert.equal(redact(text), text));

  it('takes out what patterns say besides', () => {
    const own = createRedact({ errorRedaction: 'none', errorRedactionPatterns: ['acct_*', '*.internal', '*bob*', 'Project X'] });
    assert.equal(
      own('ACCT_12a at db.internal, superbobby (project x) a@b.example'),
      '[redacted] at [redacted], [redacted] ([redacted]) a@b.example',
    );
    assert.equal(own('nothing of it'), 'nothing of it');
    assert.equal(createRedact({ errorRedactionPatterns: ['(a+)+$'] })('x (A+)+$ bob@b.example'), 'x [redacted] [email]');
  });

  it('refuses what is no pattern, or says too little', () => {
    for (const pattern of ['', '*', 'ab', '*ab*', 'a*bcd', 'x'.repeat(300)]) {
      assert.throws(
        () => createRedact({ errorRedactionPatterns: [pattern] }),
        (error: unknown) => error instanceof KeepwatchError && error.code === 'ERR_CONFIG_INVALID',
      );
    }
  });

  it('leaves no piece of an address where a long text is cut', () => {
    const filler = fc.integer({ min: 1950, max: 2010 }).map((length) => 'ab@c.example '.repeat(200).slice(0, length));
    fc.assert(
      fc.property(filler, fc.constantFrom(' ', ',', '('), (start, blank) => {
        const text = errorText(new Error(`${start}${blank}zqfirst.zqlast@example.com ${'and more '.repeat(50)}`), redact);
        assert.doesNotMatch(text, /zq|ab@/);
      }),
    );
  });

  it('needs no more than some milliseconds for any text', () => {
    const parts = [
      'a',
      '@',
      '1',
      ' ',
      '-',
      '?',
      '=',
      '(',
      ')',
      'Key (',
      ')=(',
      'eyJ',
      '.',
      'password',
      ':',
      '"',
      'bearer ',
      'AA11',
    ];
    const worst = fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 4 }).map((some) => some.join('').repeat(2000));
    const all = createRedact({ errorRedactionPatterns: ['aaa*', '*a a*', '*111'] });
    fc.assert(
      fc.property(worst, (text) => {
        const startedMs = performance.now();
        errorText(text, all);
        assert.ok(performance.now() - startedMs < 250, text.slice(0, 40));
      }),
      { numRuns: 300 },
    );
  });
});
