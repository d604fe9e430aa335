import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** An app of its own, which imports the package by its name. */
const APP = `
import { once } from 'node:events';
import express from 'express';
import { ObservabilityTracker } from 'keepwatch';

const tracker = new ObservabilityTracker({ service: 'app' });
const router = express.Router();
router.get('/orders/:order', (_request, response) => response.send('ok'));
const app = express();
app.use(tracker.express());
app.use([/^\\/v(\\d+)/, '/part/:major.:minor'], router);
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
for (const path of ['/v2/orders/1', '/part/1.2/orders/1', '/v3/orders/2', '/part/3.4/orders/2']) await (await fetch('http://127.0.0.1:' + server.address().port + path)).text();
const text = await tracker.registry.metrics();
for (const [, route] of text.matchAll(/_count\\{[^}]*http_route="([^"]*)"/g)) console.log(route);
console.log('guessed: ' + (/^keepwatch_guessed_routes_total (\\d+)$/m.exec(text)?.[1] ?? 0));
process.exit();
`;

describe('keepwatch/register from the built package', () => {
  let folder: string;

  before(function build() {
    this.timeout(120_000);
    const built = spawnSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr + built.stdout);
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-register-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules/keepwatch'));
    symlinkSync(join(ROOT, 'node_modules/express5-2'), join(folder, 'node_modules/express'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function routes(source: string, ...options: string[]): string[] {
    writeFileSync(join(folder, 'app.mjs'), source);
    const { stdout, stderr } = spawnSync(process.execPath, [...options, 'app.mjs'], { cwd: folder, encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.trim().split('\n').sort();
  }

  const exact = ['/^\\\\/v(\\\\d+)/orders/:order', '/part/:major.:minor/orders/:order', 'guessed: 0'];

  it('gives exact routes with --import, and when it is imported first', () => {
    assert.deepEqual(routes(APP, '--import', 'keepwatch/register'), exact);
    assert.deepEqual(routes(`import 'keepwatch/register';${APP}`), exact);
  }).timeout(60_000);

  it('is not needed for an app to run', () => {
    assert.deepEqual(routes(APP), ['/*/orders/:order', '/part/*/orders/:order', 'guessed: 2']);
  }).timeout(60_000);
});
