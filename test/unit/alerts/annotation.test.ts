// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates are what is tested here
import assert from 'node:assert/strict';
import { NO_VALUE, parseAnnotation, renderAnnotations } from '../../../src/alerts/annotation.ts';

const row = new Map<string, string | number | null>([
  ['name', 'POST /chat'],
  ['value', 0.12345],
  ['events', 60],
  ['ms', 1234.567],
  ['lost', null],
]);

describe('parseAnnotation', () => {
  const table: [string, string][] = [
    ['no places', 'no places'],
    ['${name}: ${value|percent} of ${events}', 'POST /chat: 12.35% of 60'],
    ['${ value | percent }', '12.35%'],
    ['${ms|ms} ${value|ms} ${value|s} ${ms|0} ${value|3}', '1235 ms 0.12 ms 0.12 s 1235 0.123'],
    ['${value} ${ms}', '0.12345 1234.57'],
    ['$${name} $name $ {name}', '${name} $name $ {name}'],
    ['${lost} ${lost|percent}', `${NO_VALUE} ${NO_VALUE}`],
  ];
  for (const [template, text] of table) {
    it(`fills ${template}`, () => assert.deepEqual(parseAnnotation(template).render(row), { text, problems: [] }));
  }

  for (const [template, message] of [
    ['a ${name', /^at 3: "\$\{" without "\}"/],
    ['${value|bytes}', /^at 1: unknown format "bytes"; allowed: percent, ms, s, or a digit count from 0 to 9$/],
    ['${value|constructor}', /unknown format/],
    ['${}', /^at 1: found "\$\{\}"; allowed: \$\{column\} or/],
    ['${a + b}', /^at 1: found/],
  ] as const) {
    it(`refuses ${template}`, () => {
      assert.throws(() => parseAnnotation(template), { code: 'ERR_RULES_INVALID', message });
    });
  }

  it('shows a place that cannot be filled, and says why', () => {
    const annotations = { summary: parseAnnotation('${nmae} has ${value|percent}, ${name|ms}') };
    assert.deepEqual(renderAnnotations(annotations, row), {
      texts: { summary: `${NO_VALUE} has 12.35%, ${NO_VALUE}` },
      problems: [
        'annotation summary: there is no column "nmae"; the query gives: name, value, events, ms, lost',
        'annotation summary: the column "name" is text; the format "ms" needs a number',
      ],
    });
  });
});
