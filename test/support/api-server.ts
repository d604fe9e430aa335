// The API over HTTP, with every answer held against the OpenAPI document.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import express from 'express';
import type { Guards } from '../../src/server/alert-routes.ts';
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
  /** The same for what writes. @param options.body sent as JSON */
  send<Data>(method: Method, path: string, options?: SendOptions): Promise<ApiAnswer<Data>>;
  stop(): Promise<void>;
}

type Method = 'get' | 'post' | 'put' | 'delete';

export interface SendOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param guards default: none */
export async function startApi(options: ApiOptions, guards: Guards = { read: [], write: [] }): Promise<ApiServer> {
  const app = express().use('/api/v1', createApi(options, guards));
  const server = await listen(createServer(app), '127.0.0.1', 0);
  const url = `${server.url}/api/v1`;
  const send = async <Data>(method: Method, path: string, { body: sent, headers = {} }: SendOptions = {}) => {
    const response = await fetch(url + path, {
      method: method.toUpperCase(),
      headers: { ...(sent === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    });
    const body = (await response.json()) as { data: Data; errorType?: string; error?: string };
    checkAnswer(path, response.status, body, method);
    const { data, errorType, error } = body;
    return { status: response.status, headers: response.headers, data, errorType, error };
  };
  return { url, get: (path) => send('get', path), send, stop: () => server.stop() };
}

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
}

const openApi = openApiDocument() as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<Method, Operation>>>>>;
};
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(openApi, 'openapi');
const validators = new Map<string, ValidateFunction>();

/** Fails unless the document has this path, this status, and a schema that the body follows. */
export function checkAnswer(path: string, status: number, body: unknown, method: Method = 'get'): void {
  const template = templateOf(path.replace(/\?.*/s, ''), method);
  const response = openApi.paths[template]?.[method]?.responses[status] as { $ref?: string } | undefined;
  assert.ok(response !== undefined, `the document has no ${status} for ${method} ${template}: ${JSON.stringify(body)}`);
  const pointer = response.$ref ?? `#/paths/${template.replaceAll('/', '~1')}/${method}/responses/${status}`;
  const validate =
    validators.get(pointer) ?? ajv.compile({ $ref: `openapi${encodeURI(pointer)}/content/application~1json/schema` });
  validators.set(pointer, validate);
  assert.ok(validate(body), `${path}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body).slice(0, 2000)}`);
}

/** The path of the document that a path of ours follows; one without parameters first. */
function templateOf(path: string, method: Method): string {
  const follows = (template: string) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
  const known = Object.keys(openApi.paths).filter(
    (template) => openApi.paths[template]?.[method] !== undefined && follows(template),
  );
  return known.includes(path) ? path : (known[0] ?? path);
}
