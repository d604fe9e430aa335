// `npm test`: builds, then runs all tests in parts, each a mocha of its own; arguments go to all of them. What mocha counted is added up in
// the last lines, written as mocha writes it. Exit code 0 only when every part has counted tests and none failed.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MOCHA = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');

/** What each part gives to mocha. Only unit tests run side by side: others wait for deadlines, and share servers and disks. */
const PARTS = {
  unit: ['--parallel', '--jobs', '3', 'test/unit/**/*.test.ts'],
  'end to end, endurance': ['test/{e2e,endurance}/**/*.test.ts'],
  'walls, integration': ['test/{walls,integration}/**/*.test.ts'],
};
const COUNTED = ['passing', 'failing', 'pending'];

/** @returns the numbers that mocha printed at its end; none of them when it did not come to its end */
async function run(args) {
  const mocha = spawn(process.execPath, [MOCHA, '--config', '.mocharc.json', ...args, ...process.argv.slice(2)], {
    cwd: ROOT,
    env: { ...process.env, TEST_BUILT: '1' },
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  const forward = (signal) => mocha.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward);
  let end = '';
  mocha.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    end = (end + chunk).slice(-1_000_000);
  });
  const [code, signal] = await new Promise((done) => mocha.once('close', (...ended) => done(ended)));
  for (const each of ['SIGINT', 'SIGTERM']) process.off(each, forward);
  return { code: signal ?? code, counts: countsIn(end) };
}

/** The last of each: a test may print what looks the same before. */
function countsIn(output) {
  const plain = stripVTControlCharacters(output);
  const numbers = COUNTED.map((word) => plain.match(new RegExp(`^ +\\d+ ${word}(?= \\(|$)`, 'gm'))?.at(-1));
  return numbers.map((line) => (line === undefined ? undefined : Number.parseInt(line, 10)));
}

if (spawnSync(process.execPath, [`${ROOT}/scripts/build.mjs`], { stdio: 'inherit' }).status !== 0) process.exit(1);
const sums = COUNTED.map(() => 0);
const failed = [];
for (const [name, args] of Object.entries(PARTS)) {
  console.log(`\n== tests: ${name}`);
  const begunAt = performance.now();
  const { code, counts } = await run(args);
  console.log(`== tests: ${name}: ${Math.round((performance.now() - begunAt) / 1000)} s, exit code ${code}`);
  for (const [index, count] of counts.entries()) sums[index] += count ?? 0;
  if (code !== 0 || counts[0] === undefined) failed.push(`${name} (${counts[0] === undefined ? 'no counts, ' : ''}${code})`);
  if (code === 'SIGINT' || code === 'SIGTERM') break;
}
console.log(failed.length === 0 ? '' : `\nfailed: ${failed.join('; ')}`);
for (const [index, word] of COUNTED.entries()) if (index === 0 || sums[index] > 0) console.log(`  ${sums[index]} ${word}`);
process.exitCode = failed.length === 0 ? 0 : 1;
