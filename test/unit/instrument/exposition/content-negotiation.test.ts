import assert from 'node:assert/strict';
import fc from 'fast-check';
import { acceptsGzip, chooseFormat } from '../../../../src/instrument/exposition/content-negotiation.ts';

const ACCEPTS: readonly (readonly [accept: string | undefined, format: string])[] = [
  // Prometheus 2.42, with and without a feature that prefers text
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  ['text/plain;version=0.0.4;q=1,*/*;q=0.1', 'text'],
  // Prometheus 3
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    'openmetrics',
  ],
  [
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [
    'text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,*/*;q=0.2',
    'text',
  ],
  // browsers, curl, nobody
  ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', 'text'],
  ['*/*', 'text'],
  [undefined, 'text'],
  ['', 'text'],
  // OpenMetrics by name alone, refused, of another version, of worse quality
  ['application/openmetrics-text', 'openmetrics'],
  ['Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text, text/plain', 'openmetrics'],
  ['application/openmetrics-text;q=0, */*', 'text'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;version=2.0.0, text/plain;q=0.1', 'text'],
  ['application/openmetrics-text;q=0.4, text/*;q=0.5', 'text'],
  ['application/*', 'text'],
  // what only a hostile or broken client sends
  ['application/openmetrics-text;q=2', 'text'],
  ['application/openmetrics-text;q=-1', 'text'],
  ['application/json', 'text'],
  [';;;,,,=;q=,', 'text'],
];

describe('chooseFormat', () => {
  for (const [accept, format] of ACCEPTS) {
    it(`answers ${accept === undefined ? 'nothing' : `"${accept.slice(0, 90)}"`} with ${format}`, () => {
      assert.equal(chooseFormat(accept), format);
    });
  }

  it('takes any text, and never long', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (accept) => ['text', 'openmetrics'].includes(chooseFormat(accept))));
    const startedAt = performance.now();
    for (const part of [';', ',', '=', 'q=0.', 'application/openmetrics-text;version=', '"']) {
      assert.equal(chooseFormat(part.repeat(16_384 / part.length)), 'text');
    }
    assert.ok(performance.now() - startedAt < 1000);
  });
});

describe('acceptsGzip', () => {
  it('wants it named, and not refused', () => {
    for (const header of ['gzip', 'gzip, deflate, br', 'br;q=1, GZIP;q=0.1']) assert.equal(acceptsGzip(header), true, header);
    for (const header of [undefined, '', '*', 'identity', 'gzip;q=0', 'br']) assert.equal(acceptsGzip(header), false, header);
  });
});
