// The API over HTTP, with every answer held against the OpenAPI document.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import express from 'express';
import { type ApiOptions, createApi } from '../../src/server/api.ts';
import { listen } from '../../src/server/listen.ts';
import { openApiDocument } from '../../src/server/openapi.ts';

export interface ApiAnswer<Data> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Data;
  /** Of an error. */
  readonly errorType: string | undefined;
  readonly error: string | undefined;
}

export interface ApiServer {
  readonly url: string;
  /** Asks, and fails when the answer is not as the document says. @param path below /api/v1 */
  get<Data>(path: string): Promise<ApiAnswer<Data>>;
  stop(): Promise<void>;
}

export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const app = express().use('/api/v1', createApi(options, []));
  const server = await listen(createServer(app), '127.0.0.1', 0);
  const url = `${server.url}/api/v1`;
  return {
    url,
    async get<Data>(path: string) {
      const response = await fetch(url + path);
      const body = (await response.json()) as { data: Data; errorType?: string; error?: string };
      checkAnswer(path, response.status, body);
      const { data, errorType, error } = body;
      return { status: response.status, headers: response.headers, data, errorType, error };
    },
    stop: () => server.stop(),
  };
}

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
}

const openApi = openApiDocument() as unknown as { readonly paths: Readonly<Record<string, { readonly get: Operation }>> };
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(openApi, 'openapi');
const validators = new Map<string, ValidateFunction>();

/** Fails unless the document has this path, this status, and a schema that the body follows. */
export function checkAnswer(path: string, status: number, body: unknown): void {
  const template = path.replace(/\?.*/s, '').replace(/^\/traces\/.*/, '/traces/{id}');
  const response = openApi.paths[template]?.get.responses[status] as { $ref?: string } | undefined;
  assert.ok(response !== undefined, `the document has no ${status} for ${template}: ${JSON.stringify(body)}`);
  const pointer = response.$ref ?? `#/paths/${template.replaceAll('/', '~1')}/get/responses/${status}`;
  const validate =
    validators.get(pointer) ?? ajv.compile({ $ref: `openapi${encodeURI(pointer)}/content/application~1json/schema` });
  validators.set(pointer, validate);
  assert.ok(validate(body), `${path}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body).slice(0, 2000)}`);
}
