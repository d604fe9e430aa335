// Results as text: progress by family, what failed, and the tables of docs/comparison.md.
import { ASPECTS, type Aspect } from './judge.ts';
import { MEASURER_NAMES, type MeasurerName } from './measurer.ts';
import type { CaseResult } from './run-case.ts';
import { type RunResult, titleOf } from './suite.ts';

/** `keepwatch on Express 5.3: routes 57/57, mounts 40/40`. */
export function formatProgress(run: RunResult): string {
  const parts = familiesOf([run]).map((family) => `${family} ${score(run.results.filter((result) => result.family === family))}`);
  return `${titleOf(run)}: ${parts.join(', ')}`;
}

export function formatFailure({ family, name, expected, got, faults, verdict }: CaseResult): string {
  const wrong = ASPECTS.filter((aspect) => verdict[aspect] === false);
  const lines = [
    `  ${family}: ${name}${wrong.length === 0 ? '' : ` (${wrong.join(', ')})`}`,
    `    expected ${expected.join('; ')}`,
    `    got      ${got.join('; ')}`,
  ];
  return [...lines, ...faults.map((fault) => `    ${fault}`)].join('\n');
}

/** Families by measurer, then aspects by measurer: of the cases that all of them played, those that are right. */
export function formatScores(runs: readonly RunResult[]): string {
  const columns = MEASURER_NAMES.filter((name) => runs.some(({ measurer }) => measurer === name));
  const played = new Map(columns.map((name) => [name, resultsByCase(runs, name)]));
  const shared = [...(played.get(columns[0] ?? 'keepwatch')?.keys() ?? [])].filter((key) =>
    columns.every((name) => played.get(name)?.has(key)),
  );
  const resultsOf = (name: MeasurerName) => shared.map((key) => played.get(name)?.get(key) as CaseResult);
  const rows = familiesOf(runs).map((family) => [
    family,
    ...columns.map((name) => score(resultsOf(name).filter((result) => result.family === family))),
  ]);
  rows.push(['all', ...columns.map((name) => score(resultsOf(name)))]);
  const aspects = ASPECTS.map((aspect) => [aspect, ...columns.map((name) => aspectScore(resultsOf(name), aspect))]);
  return `${table(['family', ...columns], rows)}\n\n${table(['aspect', ...columns], aspects)}\n`;
}

/** Of Keepwatch, which runs twice, the run with `keepwatch/register`. */
function resultsByCase(runs: readonly RunResult[], name: MeasurerName): Map<string, CaseResult> {
  const own = runs.filter(({ measurer, hasRegister }) => measurer === name && hasRegister === (name === 'keepwatch'));
  return new Map(
    own.flatMap(({ express, results }) => results.map((result) => [`${express} ${result.family}: ${result.name}`, result])),
  );
}

function familiesOf(runs: readonly RunResult[]): string[] {
  return [...new Set(runs.flatMap(({ results }) => results.map(({ family }) => family)))];
}

function score(results: readonly CaseResult[]): string {
  return `${results.filter(({ isPassed }) => isPassed).length}/${results.length}`;
}

function aspectScore(results: readonly CaseResult[], aspect: Aspect): string {
  const judged = results.filter(({ verdict }) => verdict[aspect] !== undefined);
  return `${judged.filter(({ verdict }) => verdict[aspect] === true).length}/${judged.length}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
