import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Router } from 'express';
import { createApi } from '../../../src/server/api.ts';
import { openApiDocument, openApiText } from '../../../src/server/openapi.ts';

interface Document {
  readonly paths: Readonly<
    Record<string, { readonly get: { readonly operationId: string; readonly parameters: readonly Parameter[] } }>
  >;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly schema: object;
}

describe('the OpenAPI document', () => {
  const document = openApiDocument() as unknown as Document;

  it('is docs/openapi.json, which npm run docs:api writes', () => {
    assert.equal(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'), openApiText());
  });

  it('has every route, and no other', () => {
    const router = createApi({ archive: undefined, alerts: undefined, collectReasons: () => [], now: Date.now }, []) as Router & {
      stack: { route?: { path: string } }[];
    };
    const routes = router.stack.flatMap(({ route }) => (route === undefined ? [] : [route.path.replace(':id', '{id}')]));
    assert.deepEqual(Object.keys(document.paths).concat('/openapi.json').sort(), routes.sort());
  });

  it('describes every parameter by a schema that is one', () => {
    const ajv = new Ajv2020({ strict: false });
    const seen = new Set<string>();
    for (const { get } of Object.values(document.paths)) {
      assert.ok(!seen.has(get.operationId), get.operationId);
      seen.add(get.operationId);
      for (const { name, schema, description } of get.parameters) {
        assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText(ajv.errors)}`);
        assert.ok(description?.endsWith('.'), `${get.operationId} ${name}: ${description}`);
      }
    }
  });
});
