// `npm test`: builds, then runs all tests in parts, each a mocha of its own; arguments go to all of them. What mocha counted is added up in
// the last lines, written as mocha writes it, behind what mocha said of each test that failed. Exit code 0 only when every part has counted tests and
// none failed.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MOCHA = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');

/**
 * What each part gives to mocha. Only unit tests and laws (what is generated or enumerated by the thousand) run side by side within a part,
 * and alone: others share servers and disks. Of those, two parts run side by side, each with servers of its own; what takes longest comes first.
 */
const FIRST = { 'unit, laws': ['--parallel', '--jobs', '3', 'test/{unit,laws}/**/*.test.ts'] };
const PARTS = {
  endurance: ['test/endurance/**/*.test.ts'],
  'integration of alerts': ['test/integration/alerts/**/*.test.ts'],
  'end to end': ['test/e2e/!(chaos).test.ts'],
  'archive under faults': ['test/e2e/chaos.test.ts'],
  'integration of the archive': ['test/integration/archive/**/*.test.ts'],
  'walls, integration of all': ['test/walls/**/*.test.ts', 'test/integration/*.test.ts'],
  'other integration': ['test/integration/!(alerts|archive)/**/*.test.ts'],
};
const COUNTED = ['passing', 'failing', 'pending'];
/** Of what mocha says of failures of a part: what is said again at the end. */
const MOST_SAID = 8000;

/** For several that write at once: what one writes is held back until those before it have ended. */
class Turns {
  /** Settles when all that was written by now is out. */
  ended = Promise.resolve();

  next() {
    const held = [];
    let isMine = false;
    let end;
    const mine = new Promise((done) => (end = done));
    const begun = this.ended.then(() => {
      isMine = true;
      for (const chunk of held) process.stdout.write(chunk);
    });
    this.ended = begun.then(() => mine);
    return { write: (chunk) => void (isMine ? process.stdout.write(chunk) : held.push(chunk)), end };
  }
}

/** @returns the numbers that mocha printed at its end, none of them when it did not come to its end; and what it said there of failures */
async function run(args, turn) {
  const mocha = spawn(process.execPath, [MOCHA, '--config', '.mocharc.json', ...args, ...process.argv.slice(2)], {
    cwd: ROOT,
    env: { ...process.env, TEST_BUILT: '1' },
    stdio: ['inherit', 'pipe', 'pipe'],
  });
  const forward = (signal) => mocha.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward);
  let end = '';
  mocha.stdout.on('data', (chunk) => {
    turn.write(chunk);
    end = (end + chunk).slice(-1_000_000);
  });
  mocha.stderr.on('data', (chunk) => turn.write(chunk));
  const [code, signal] = await new Promise((done) => mocha.once('close', (...ended) => done(ended)));
  for (const each of ['SIGINT', 'SIGTERM']) process.off(each, forward);
  const plain = stripVTControlCharacters(end);
  return { code: signal ?? code, counts: countsIn(plain), failures: failuresIn(plain) };
}

/** The last of each: a test may print what looks the same before. */
function countsIn(plain) {
  const numbers = COUNTED.map((word) => plain.match(new RegExp(`^ +\\d+ ${word}(?= \\(|$)`, 'gm'))?.at(-1));
  return numbers.map((line) => (line === undefined ? undefined : Number.parseInt(line, 10)));
}

function failuresIn(plain) {
  const counted = [...plain.matchAll(/^ +\d+ failing$/gm)].at(-1);
  return counted === undefined ? '' : plain.slice(counted.index + counted[0].length, counted.index + MOST_SAID).trim();
}

if (spawnSync(process.execPath, [`${ROOT}/scripts/build.mjs`], { stdio: 'inherit' }).status !== 0) process.exit(1);
const sums = COUNTED.map(() => 0);
const failed = [];
const failures = [];
let isInterrupted = false;

async function runPart(name, args, turn) {
  turn.write(`\n== tests: ${name}\n`);
  const begunAt = performance.now();
  const { code, counts, failures: said } = await run(args, turn);
  turn.write(`== tests: ${name}: ${Math.round((performance.now() - begunAt) / 1000)} s, exit code ${code}\n`);
  turn.end();
  for (const [index, count] of counts.entries()) sums[index] += count ?? 0;
  if (code !== 0 || counts[0] === undefined) failed.push(`${name} (${counts[0] === undefined ? 'no counts, ' : ''}${code})`);
  if (said !== '') failures.push(`== failed: ${name}\n\n  ${said}\n`);
  isInterrupted ||= code === 'SIGINT' || code === 'SIGTERM';
}

const turns = new Turns();

/** One after another, whatever has not begun. */
async function runParts(parts) {
  for (let part = parts.shift(); part !== undefined && !isInterrupted; part = parts.shift()) await runPart(...part, turns.next());
}

await runParts(Object.entries(FIRST));
const parts = Object.entries(PARTS);
await Promise.all([runParts(parts), runParts(parts)]);
await turns.ended;
if (failures.length > 0) console.log(`\n${failures.join('\n')}`);
console.log(failed.length === 0 ? '' : `\nfailed: ${failed.join('; ')}`);
for (const [index, word] of COUNTED.entries()) if (index === 0 || sums[index] > 0) console.log(`  ${sums[index]} ${word}`);
process.exitCode = failed.length === 0 ? 0 : 1;
