import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import express52 from 'express5-2';
import fc from 'fast-check';
import { trailOf } from '../../../src/instrument/routes/routing-probe.ts';

type Framework = typeof express5;

/** Mounts of both majors; what a client sends in place of a parameter begins with `Zq`. */
const MOUNTS = [
  '/',
  '/a',
  '/a/b',
  '/:p',
  '/:p/a',
  '/a/:q',
  '/a-:q',
  '/:p-:q',
  ['/a', '/:r'],
  ['/b/:p', /^\/(z\w+)/i],
  /^\/z\w+/i,
];
const structure = fc.array(fc.array(fc.constantFrom(...MOUNTS), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 });
const segment = fc.oneof(
  fc.constantFrom('a', 'A', 'b', 'B', '', 'leaf', 'LEAF', 'p', '%'),
  fc.integer().map((number) => `Zq${number}`),
  fc.integer().map((number) => `a-Zq${number}`),
);
const urls = fc.array(
  fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`),
  { minLength: 20, maxLength: 60 },
);

function createApp(express: Framework, chains: readonly (readonly (typeof MOUNTS)[number][])[], endings: readonly string[]) {
  const app = express();
  app.set('env', 'test');
  app.use((request, _response, next) => {
    trailOf(request);
    next();
  });
  for (const [index, chain] of chains.entries()) {
    const leaf = express.Router();
    leaf.get('/leaf/:id', (_request, response) => void response.end());
    if (endings[index] === 'error') {
      leaf.use(() => {
        throw new Error('failed');
      });
    }
    const router = chain.reduceRight<express5.Router>((inner, path) => {
      const outer = express.Router();
      outer.use(path, inner);
      return outer;
    }, leaf);
    app.use(router);
  }
  return app;
}

/** Routes a request, and resolves with its template once it is answered. */
async function templateOf(app: express5.Express, url: string): Promise<string> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { url, method: 'GET', complete: true });
  request.push(null);
  const response = new ServerResponse(request);
  await new Promise<void>((done) => {
    response.end = (() => {
      done();
      return response;
    }) as typeof response.end;
    app(request as express5.Request, response as express5.Response);
  });
  return trailOf(request).template('error');
}

const frameworks: [string, Framework][] = [
  ['Express 5.3', express5],
  ['Express 5.2, unregistered', express52],
  ['Express 4', express4],
];

describe('labels of routes', () => {
  for (const [title, express] of frameworks) {
    it(`are as few as what is registered, and hold nothing that a client chose (${title})`, async () => {
      const endings = fc.array(fc.constantFrom('pass', 'error'), { minLength: 5, maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(structure, endings, urls, async (chains, ends, paths) => {
          const app = createApp(express, chains, ends);
          const templates = new Set<string>();
          for (const path of paths) templates.add(await templateOf(app, path));
          for (const template of templates) assert.doesNotMatch(template, /zq|[A-Z]/, template);
          // Each chain has at most two alternatives per mount, and a route or a function at its end.
          const bound = chains.reduce((sum, chain) => sum + 2 ** chain.length * 2, 1);
          assert.ok(templates.size <= bound, `${templates.size} templates of ${chains.length} chains`);
        }),
        { numRuns: 60 },
      );
    }).timeout(60_000);
  }
});
