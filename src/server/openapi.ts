// The OpenAPI document of /api/v1, made from the schemas that check its queries and describe its answers.
import { z } from 'zod';
import { ENDPOINTS, type Endpoint } from './api-endpoints.ts';

type Json = Readonly<Record<string, unknown>>;

const ERRORS = {
  400: ['BadData', 'bad_data', 'A parameter is not as it should be: the text names each, what was given, and what is allowed.'],
  401: ['Unauthorized', 'unauthorized', 'The bearer token is missing or wrong.'],
  403: ['Forbidden', 'forbidden', 'There is no token, and the request does not come from this machine.'],
  404: ['NotFound', 'not_found', 'What is asked for is not there.'],
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
      description: 'What the archive and the alerts of Keepwatch know. Reads only. See docs/http-api.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, {}],
    paths: Object.fromEntries(ENDPOINTS.map((endpoint) => [endpoint.path, { get: operationOf(endpoint) }])),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'KEEPWATCH_AUTH_TOKEN; without one, on a loopback address only.' },
      },
      responses: Object.fromEntries(Object.values(ERRORS).map(([name, type, meaning]) => [name, errorOf(type, meaning)])),
    },
  };
}

function operationOf({ path, operationId, summary, parameters, data }: Endpoint): Json {
  const schema = z.toJSONSchema(parameters, { io: 'input' });
  const required = new Set(schema.required);
  const statuses = Object.keys(ERRORS).filter((status) => status !== '404' || path.includes('{'));
  return {
    operationId,
    summary,
    parameters: Object.entries(schema.properties ?? {}).map(([name, field]) =>
      parameterOf(name, field as Json, { isInPath: path.includes(`{${name}}`), isRequired: required.has(name) }),
    ),
    responses: {
      200: { description: 'What was asked for.', ...jsonOf(successOf(data)) },
      ...Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }])),
    },
  };
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
  const schema = objectOf({ status: { const: 'error' }, errorType: { const: type }, error: { type: 'string' } });
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
