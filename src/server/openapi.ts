// The OpenAPI document of /api/v1, made from the schemas that check its queries and describe its answers.
import { z } from 'zod';
import { ENDPOINTS, type Endpoint } from './api-endpoints.ts';

type Json = Readonly<Record<string, unknown>>;

const ERRORS = {
  400: ['BadData', 'bad_data', 'A parameter is not as it should be: the text names each, what was given, and what is allowed.'],
  401: ['Unauthorized', 'unauthorized', 'The bearer token is missing or wrong.'],
  403: [
    'Forbidden',
    'forbidden',
    'There is no token, and the request does not come from this machine, or would change something.',
  ],
  404: ['NotFound', 'not_found', 'What is asked for is not there.'],
  409: ['Conflict', 'conflict', 'It has another version by now, or its name is taken; `keepwatch_current` is how it stands.'],
  413: ['TooLarge', 'too_large', 'The body is larger than 256 KiB.'],
  415: ['UnsupportedMediaType', 'unsupported_media_type', 'The body is not application/json.'],
  503: ['Unavailable', 'unavailable', 'There is no archive, Postgres does not answer, or too many queries run (`Retry-After`).'],
  504: ['Timeout', 'timeout', 'The archive was asked for more than it can read in time: narrow the range.'],
} as const;

/** OpenAPI 3.1. The same at each call; `docs/openapi.json` is a copy of it. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Keepwatch',
      version: '1',
      description:
        'What the archive and the alerts of Keepwatch know, and the rules and budgets that can be changed. See docs/http-api.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, {}],
    paths: pathsOf(ENDPOINTS),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'KEEPWATCH_AUTH_TOKEN; without one, on a loopback address only.' },
      },
      responses: Object.fromEntries(Object.values(ERRORS).map(([name, type, meaning]) => [name, errorOf(type, meaning)])),
    },
  };
}

function pathsOf(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method ?? 'get']: operationOf(endpoint) };
  }
  return paths;
}

function operationOf(endpoint: Endpoint): Json {
  const { method = 'get', path, operationId, summary, parameters, body, data, success = 200, isVersioned = false } = endpoint;
  const schema = z.toJSONSchema(parameters, { io: 'input' });
  const required = new Set(schema.required);
  const inQuery = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    parameterOf(name, field as Json, { isInPath: path.includes(`{${name}}`), isRequired: required.has(name) }),
  );
  return {
    operationId,
    summary,
    ...(method === 'get' ? {} : { security: [{ token: [] }] }),
    parameters: [...inQuery, ...(isVersioned ? [IF_MATCH] : [])],
    ...(body === undefined ? {} : { requestBody: { required: true, ...jsonOf(inputOf(body)) } }),
    responses: {
      [success]: { description: success === 201 ? 'It is made.' : 'What was asked for.', ...jsonOf(successOf(data)) },
      ...Object.fromEntries(statusesOf(endpoint).map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }])),
    },
  };
}

const IF_MATCH: Json = {
  name: 'If-Match',
  in: 'header',
  description: 'The version that is changed, as ETag gave it; or the parameter version.',
  schema: { type: 'string' },
  example: '"3"',
};

function statusesOf({ path, body, success, isVersioned = false }: Endpoint): string[] {
  const left = new Set<string>();
  if (!path.includes('{')) left.add('404');
  if (!isVersioned && success !== 201) left.add('409');
  if (body === undefined) for (const status of ['413', '415']) left.add(status);
  return Object.keys(ERRORS).filter((status) => !left.has(status));
}

function inputOf(body: z.ZodType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return schema;
}

function nameOf(status: string): string {
  return ERRORS[Number(status) as keyof typeof ERRORS][0];
}

/** A group of parameters such as `metadata.user_id` is one parameter here: an object whose members are parameters of their own. */
function parameterOf(name: string, field: Json, place: { readonly isInPath: boolean; readonly isRequired: boolean }): Json {
  const { description, example, default: usual, ...given } = field;
  // What is written as a text is a number to who reads the document.
  const isNumber = given['type'] === 'integer' || given['type'] === 'number';
  const schema: Json = { ...given, ...(usual === undefined ? {} : { default: isNumber ? Number(usual) : usual }) };
  const isMany = schema['type'] === 'array' || schema['type'] === 'object';
  return {
    name,
    in: place.isInPath ? 'path' : 'query',
    ...(description === undefined ? {} : { description }),
    ...(place.isRequired && { required: true }),
    ...(isMany && { style: 'form', explode: true }),
    schema,
    ...(example === undefined ? {} : { example }),
  };
}

function successOf(data: z.ZodType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(data);
  return objectOf({ status: { const: 'success' }, data: schema });
}

function errorOf(type: string, meaning: string): Json {
  const current = type === 'conflict' ? { keepwatch_current: { type: 'object' } } : {};
  const schema = objectOf({ status: { const: 'error' }, errorType: { const: type }, error: { type: 'string' }, ...current });
  return { description: meaning, ...jsonOf(schema) };
}

function objectOf(properties: Json): Json {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

function jsonOf(schema: Json): Json {
  return { content: { 'application/json': { schema } } };
}

/** The text of `docs/openapi.json`. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`;
}
