import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_KEYS } from '../../src/config.ts';
import { envName } from '../../src/config-sources.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

describe('docs', () => {
  for (const page of PAGES) {
    it(`${page} names only files that exist`, () => {
      const text = readFileSync(join(ROOT, page), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => join(ROOT, page, '..', match[1] ?? ''));
      const paths = [
        ...text.matchAll(/`((?:src|sql|test|docs|demo|bench|grafana|lint|prices|rules|scripts|examples)\/[\w./-]+)`/g),
      ].map((match) => join(ROOT, match[1] ?? ''));
      const missing = [...links, ...paths]
        .filter((path) => !path.includes('NNNNNN') && !existsSync(path))
        .map((path) => path.slice(ROOT.length));
      assert.deepEqual(missing, []);
    });
  }

  it('ARCHITECTURE.md names every folder of the sources, of the tests, and what stands beside them', () => {
    const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const foldersIn = (folder: string) =>
      readdirSync(join(ROOT, folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${folder}/${name}`);
    const rooms = foldersIn('src');
    const folders = [...rooms, ...rooms.flatMap(foldersIn), ...['test', 'grafana'].flatMap(foldersIn)];
    const unnamed = [...folders, 'bench', 'demo', 'lint', 'prices', 'rules', 'sql'].filter(
      (folder) => ![`\`${folder}\``, `\`${folder}/`].some((name) => text.includes(name)),
    );
    assert.deepEqual(unnamed, []);
  });

  it('docs/configuration.md has every variable', () => {
    const text = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
    const missing = CONFIG_KEYS.map((key) => envName(key)).filter((name) => name !== undefined && !text.includes(`\`${name}\``));
    assert.deepEqual(missing, []);
  });
});
