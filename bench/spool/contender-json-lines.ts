// What people write by hand: `JSON.stringify` of each row, joined, appended to a file.
import { appendFile } from 'node:fs/promises';
import { serveStore } from './contender.ts';
import { createFileStore } from './file-store.ts';

serveStore(createFileStore((rows, path) => appendFile(path, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`)));
