// `npm run check`: scripts of package.json that need no service, two at a time; each one's output whole, as it ends; the unit tests last.
// Exit code 0 only when all of them passed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
const PATH = `${ROOT}/node_modules/.bin${delimiter}${process.env.PATH}`;

/** Runs one script as npm would. What it prints is shown at its end, or as it comes. @returns whether it passed */
function run(name, { isAlone = false } = {}) {
  const begunAt = performance.now();
  const stdio = isAlone ? 'inherit' : ['ignore', 'pipe', 'pipe'];
  const child = spawn(scripts[name], { shell: true, cwd: ROOT, env: { ...process.env, PATH }, stdio });
  const output = [];
  child.stdout?.on('data', (chunk) => output.push(chunk));
  child.stderr?.on('data', (chunk) => output.push(chunk));
  return new Promise((done) => {
    child.once('close', (code, signal) => {
      const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
      process.stdout.write(Buffer.concat(output));
      console.log(`== ${name}: ${code === 0 ? 'passed' : `FAILED (${signal ?? code})`}, ${seconds} s\n`);
      done(code === 0);
    });
  });
}

async function runInTurn(names) {
  const passed = [];
  for (const name of names) passed.push(await run(name));
  return passed.every(Boolean);
}

const passed = await Promise.all([run('lint'), runInTurn(['typecheck', 'unused'])]);
passed.push(await run('test:unit', { isAlone: true }));
if (!passed.every(Boolean)) {
  console.log('check FAILED: see the lines that begin with ==');
  process.exitCode = 1;
}
