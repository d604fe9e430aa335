// Lines of COPY as text, by a template: what one would spool for `\copy`. Every text is escaped, as it has to be.
import { appendFile } from 'node:fs/promises';
import { timestampOf } from '../archive/reference-events.ts';
import { serveStore } from './contender.ts';
import { createFileStore } from './file-store.ts';
import type { Row } from './rows.ts';

const SPECIAL = /[\\\n\r\t]/;
const SPECIALS = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

serveStore(createFileStore((rows, path) => appendFile(path, rows.map(lineOf).join(''))));

function lineOf(row: Row): string {
  const times = `${timestampOf(row.start_time)}\t${timestampOf(row.end_time)}\t${row.duration_ms}`;
  const ids = `${row.trace_id}\t\\\\x${row.span_id}\t\\\\x${row.parent_span_id}`;
  const error = row.error === null ? '\\N' : escapeText(row.error);
  const texts = `${escapeText(row.name)}\t${row.type}\t${row.status}\t${escapeText(row.service)}`;
  return `${row.id}\t${times}\t${ids}\t${row.weight}\t${texts}\t${error}\t${escapeText(JSON.stringify(row.metadata))}\n`;
}

function escapeText(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, (special) => ESCAPES[special] ?? special) : text;
}
