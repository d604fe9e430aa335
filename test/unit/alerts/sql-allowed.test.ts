import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ALLOWED_FUNCTIONS,
  ALLOWED_KEEPWATCH_FUNCTIONS,
  ALLOWED_TYPES,
  PUBLISHED_RELATIONS,
} from '../../../src/alerts/sql-allowed.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';

describe('docs/security.md', () => {
  const page = readFileSync(join(PACKAGE_FOLDER, 'docs', 'security.md'), 'utf8');
  const block = /```\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const words = new Set(page.match(/\w+/g));

  it('lists the functions of Postgres that a rule may call, and no other', () => {
    assert.deepEqual(block.trim().split(/\s+/), [...ALLOWED_FUNCTIONS]);
  });

  it('names the relations, types and functions of Keepwatch', () => {
    const names = [...PUBLISHED_RELATIONS, ...ALLOWED_TYPES, ...ALLOWED_KEEPWATCH_FUNCTIONS];
    assert.deepEqual(
      names.filter((name) => !words.has(name)),
      [],
    );
  });
});
