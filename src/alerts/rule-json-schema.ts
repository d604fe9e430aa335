// The grammar of rule files as a JSON Schema, for editors: the same schemas that the loader checks with, and which keys may stand together.
// What the loader says of names, numbers and SQL beyond the shape, it says alone.
import { z } from 'zod';
import { QUERY_KEYS, wholeFileSchema } from './rule-schema.ts';
import { SHORT_FORMS } from './short-forms/short-form-schema.ts';

type JsonSchema = Record<string, unknown>;

/** JSON Schema (draft 2020-12) of a rule file. */
export function createRuleFileSchema(): JsonSchema {
  const schema = z.toJSONSchema(wholeFileSchema, {
    io: 'input',
    override: ({ jsonSchema, zodSchema }) => {
      if (zodSchema === (wholeFileSchema.shape.groups.element.shape.rules.element as z.core.$ZodType))
        Object.assign(jsonSchema, { oneOf: ruleShapes() });
      if (jsonSchema.properties?.['below'] !== undefined) Object.assign(jsonSchema, { oneOf: [has('above'), has('below')] });
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: 'Alerting rules of Keepwatch', description: 'See docs/alerts.md.', ...rest };
}

/** A query with its condition or steps, or one short form. */
function ruleShapes(): JsonSchema[] {
  return [
    { required: ['query'], oneOf: [has('fire_when'), has('steps')], not: hasAny(SHORT_FORMS) },
    ...SHORT_FORMS.map((form) => ({
      required: [form],
      not: hasAny([...QUERY_KEYS, ...SHORT_FORMS.filter((other) => other !== form)]),
    })),
  ];
}

function has(key: string): JsonSchema {
  return { required: [key] };
}

function hasAny(keys: readonly string[]): JsonSchema {
  return { anyOf: keys.map(has) };
}
