// Takes what a row says of a person out of its tuple of binary COPY, in place: not a byte moves, so that whatever points into a block still does.
import { ERASED_KEY } from '../../storable-text.ts';
import { COLUMNS } from '../segments/copy-tuples.ts';
import type { Matcher } from './criteria.ts';

const MARK = Buffer.from(`"${ERASED_KEY}":true`);
const ERASED_ERROR = 'erased';
const SPACE = 0x20;
const COMMA = 0x2c;
/** Of the binary form of jsonb: then comes its text. */
const JSONB_VERSION = 1;
const OPENING_BRACE = 0x7b;

/**
 * The fields of a tuple, views of its bytes; undefined where it has null.
 * @throws RangeError when its lengths do not add up
 */
function fieldsOf(tuple: Buffer): (Buffer | undefined)[] {
  const fields: (Buffer | undefined)[] = [];
  let at = 2;
  for (let left = tuple.readInt16BE(0); left > 0; left--) {
    const length = tuple.readInt32BE(at);
    at += 4;
    if (length > tuple.length - at) throw new RangeError('a field is longer than its tuple');
    fields.push(length < 0 ? undefined : tuple.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return fields;
}

/**
 * Whether a row is asked for.
 * @param columns of its fields; undefined: not known (a dead letter), then they are found by what they look like
 */
export function matchesTuple(tuple: Buffer, columns: readonly string[] | undefined, matcher: Matcher): boolean {
  const metadata = find(fieldsOf(tuple), columns).metadata;
  if (metadata === undefined) return false;
  const members = readJson(metadata);
  if (members === undefined) return matcher.mayHold(metadata);
  return !Object.hasOwn(members, ERASED_KEY) && matcher.matches(members);
}

/**
 * Erases a row: of its metadata only labels stay, its error is a word; of a log line, attributes and message likewise.
 * @param labels members of its metadata, as they are written, that are the labels of its metric
 */
export function eraseTuple(tuple: Buffer, columns: readonly string[] | undefined, labels?: Buffer): void {
  const { metadata, error } = find(fieldsOf(tuple), columns);
  if (metadata !== undefined) eraseMembers(metadata.subarray(1), labels);
  if (error !== undefined) {
    error.fill(SPACE);
    if (error.length >= ERASED_ERROR.length) error.write(ERASED_ERROR);
  }
}

function find(fields: readonly (Buffer | undefined)[], columns: readonly string[] | undefined) {
  const names = columns ?? (fields.length === COLUMNS.length ? COLUMNS : undefined);
  const looksLikeMetadata = (field: Buffer | undefined) => field?.[0] === JSONB_VERSION && field[1] === OPENING_BRACE;
  // Of a log line: what says most about a person stands in its message.
  const isLog = names?.includes('attributes') === true;
  const at = names === undefined ? fields.findLastIndex(looksLikeMetadata) : names.indexOf(isLog ? 'attributes' : 'metadata');
  const errorAt = names === undefined ? at - 1 : names.indexOf(isLog ? 'message' : 'error');
  return { metadata: fields[at], error: fields[errorAt] };
}

function readJson(metadata: Buffer): object | undefined {
  try {
    const members: unknown = JSON.parse(metadata.toString('utf8', 1));
    return typeof members === 'object' && members !== null ? members : undefined;
  } catch {
    return undefined;
  }
}

/** @param json an object, of which blanks take the place of what is erased; the mark is written where it has room */
function eraseMembers(json: Buffer, labels: Buffer | undefined): void {
  if (json.length < 2) return;
  const kept = labels === undefined || labels.length === 0 ? undefined : labels;
  const keptAt = kept === undefined ? -1 : json.indexOf(kept);
  json.fill(SPACE);
  json.write('{');
  json.write('}', json.length - 1);
  const roomNeeded = MARK.length + (keptAt < 0 ? 0 : 1);
  if (kept === undefined || keptAt < 0) {
    if (json.length - 2 >= roomNeeded) json.set(MARK, 1);
    return;
  }
  const keptUntil = keptAt + kept.length;
  json.set(kept, keptAt);
  if (keptAt - 1 >= roomNeeded) {
    json.set(MARK, 1);
    json[keptAt - 1] = COMMA;
  } else if (json.length - 1 - keptUntil >= roomNeeded) {
    json[keptUntil] = COMMA;
    json.set(MARK, keptUntil + 1);
  }
}
