// Checks what a client gives to be kept: all problems at once, each with its place, what was given, and what is allowed. Loads no database driver.
import type { z } from 'zod';
import { KeepwatchError } from '../../errors.ts';
import { formatPath } from '../../yaml-file.ts';

const MAX_SHOWN = 100;

/** @throws KeepwatchError ERR_USAGE */
export function checkDraft<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new KeepwatchError('ERR_USAGE', parsed.error.issues.map((issue) => describe(issue, given)).join('; '));
}

function describe(issue: z.core.$ZodIssue, given: unknown): string {
  if (issue.code === 'unrecognized_keys')
    return `${issue.keys.map((key) => formatPath([...issue.path, key]).slice(0, MAX_SHOWN)).join(', ')}: ${issue.message}`;
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const place = issue.path.length === 0 ? 'the body' : formatPath(issue.path).slice(0, MAX_SHOWN);
  return `${place}: got ${show(valueAt(given, issue.path))}; ${message}`;
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (Object(value) as Record<PropertyKey, unknown>)[key], given);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
