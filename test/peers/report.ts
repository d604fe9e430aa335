// Results as text: the table of docs/comparison.md.
import { CONTENDERS, type ContenderName } from './contender.ts';
import type { FaultName } from './faults.ts';
import type { RunResult } from './run.ts';

/** Faults by contender: `lost / doubled` of all events of all runs, and how many events that were. */
export function formatResults(
  results: readonly RunResult[],
  faults: readonly FaultName[],
  contenders: readonly ContenderName[],
): string {
  const rows = faults.map((fault) => {
    const of = (contender: ContenderName) => results.filter((result) => result.fault === fault && result.contender === contender);
    const recorded = sum(of(contenders[0] ?? 'keepwatch'), 'recorded');
    const cells = contenders.map((contender) => `${sum(of(contender), 'lost')} / ${sum(of(contender), 'doubled')}`);
    return `| ${[fault, recorded, ...cells].join(' | ')} |`;
  });
  const head = `| lost / doubled | events | ${contenders.join(' | ')} |`;
  const legend = contenders.map((contender) => `- **${contender}**: ${CONTENDERS[contender]}.`);
  return `${[head, `| --- | ---: |${' ---: |'.repeat(contenders.length)}`, ...rows, '', ...legend].join('\n')}\n`;
}

function sum(results: readonly RunResult[], key: 'recorded' | 'lost' | 'doubled'): number {
  return results.reduce((total, result) => total + result[key], 0);
}
