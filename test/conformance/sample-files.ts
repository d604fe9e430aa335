// Files to serve, in a folder of their own that goes away with the process.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = mkdtempSync(join(tmpdir(), 'conformance-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/** Holds `page.txt` and `big.bin`. */
export const FOLDER = join(root, 'public');
/** 2,000 bytes. */
export const PAGE = join(FOLDER, 'page.txt');
/** 200 MB that take no space: more than socket buffers hold. */
export const BIG = join(FOLDER, 'big.bin');
export const MISSING = join(FOLDER, 'missing.txt');

mkdirSync(FOLDER);
writeFileSync(PAGE, 'x'.repeat(2000));
writeFileSync(BIG, '');
truncateSync(BIG, 200_000_000);
