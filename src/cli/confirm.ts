// Asks before what cannot be undone.
import { createInterface } from 'node:readline/promises';

/**
 * Asks on a terminal; a script means what it says. Ctrl-C and an abort mean no.
 * @param details what is shown before the question
 */
export async function confirm(question: string, signal: AbortSignal, details = ''): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  process.stderr.write(details);
  const asker = createInterface({ input: process.stdin, output: process.stderr });
  try {
    asker.on('SIGINT', () => asker.close());
    const answer = await asker.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false; // Ctrl-C
  } finally {
    asker.close();
  }
}
