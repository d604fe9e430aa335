// Writes the tables of a run with peers into docs/comparison.md, between its two marks.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { formatScores } from './report.ts';
import type { RunResult } from './suite.ts';

const FILE = fileURLToPath(new URL('../../docs/comparison.md', import.meta.url));
const BEGIN = '<!-- scores: npm run conformance -- --peers --write -->';
const END = '<!-- end of scores -->';

const PACKAGES = [
  'express-prom-bundle',
  'swagger-stats',
  '@opentelemetry/instrumentation-http',
  '@opentelemetry/instrumentation-express',
  '@opentelemetry/sdk-metrics',
  'prom-client',
  'express4',
  'express5-2',
  'express',
] as const;

/** @throws Error when the marks are not there */
export function writeScores(runs: readonly RunResult[]): void {
  const text = readFileSync(FILE, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/comparison.md: "${BEGIN}" and "${END}" have to stand in it, in this order`);
  writeFileSync(FILE, `${text.slice(0, begin)}${BEGIN}\n\n${versions()}\n\n${formatScores(runs)}\n${text.slice(end)}`);
}

function versions(): string {
  const { version } = process;
  return `Node ${version.slice(1)}; ${PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', ')}.`;
}

function versionOf(name: string): string {
  const manifest = fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url));
  return (createRequire(import.meta.url)(manifest) as { version: string }).version;
}
