import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createApi } from '../../../src/server/api.ts';
import { openApiDocument, openApiText } from '../../../src/server/openapi.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
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
    const router = createApi(
      { archive: undefined, alerts: undefined, collectReasons: () => [], now: Date.now },
      { read: [], write: [] },
    );
    const stack = router.stack as unknown as { route?: { path: string; methods: Readonly<Record<string, boolean>> } }[];
    const routes = stack.flatMap(({ route }) =>
      Object.keys(route?.methods ?? {}).map((method) => `${method} ${route?.path.replace(/:(\w+)/g, '{$1}')}`),
    );
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    assert.deepEqual([...described, 'get /openapi.json'].sort(), routes.sort());
  });

  it('describes every parameter by a schema that is one', () => {
    const ajv = new Ajv2020({ strict: false });
    const seen = new Set<string>();
    for (const { operationId, parameters, requestBody } of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      assert.ok(!seen.has(operationId), operationId);
      seen.add(operationId);
      for (const { name, schema, description } of parameters) {
        assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText(ajv.errors)}`);
        assert.ok(description?.endsWith('.'), `${operationId} ${name}: ${description}`);
      }
      const body = requestBody?.content['application/json'].schema ?? {};
      assert.ok(ajv.validateSchema(body), `${operationId}: ${ajv.errorsText(ajv.errors)}`);
    }
  });
});
