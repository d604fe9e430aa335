// A timing event as one line of JSON: the columns of the view keepwatch.events in their order, with the ids, bounds and marks that its row in
// the archive would have.

import { type EventBatch, type EventSeries, LANES, type Lane } from '../event.ts';
import {
  clampDuration,
  clampEnd,
  clampWeight,
  INVALID_TIME_MARK,
  INVALID_WEIGHT_MARK,
  MAX_ERROR_LENGTH,
  MAX_METADATA_LENGTH,
  MAX_NAME_LENGTH,
  MAX_SERIES_METADATA_LENGTH,
} from '../event-bounds.ts';
import { type SourceBits, sourceBits, writeEventId } from '../event-id.ts';
import { REPLACED_MARK, type StorableText, storableMembers, storableText, TRUNCATED_MARK } from '../storable-text.ts';
import { Timestamps } from './timestamps.ts';

const NO_TEXT: StorableText = { text: '', isCut: false, isReplaced: false };
const VALUES_OF_16_BITS = 65_536;
/** Ends of lines to some readers, if not to all. */
const LINE_ENDS = /[\n\r\u0085\u2028\u2029]/;
const ALL_LINE_ENDS = new RegExp(LINE_ENDS, 'g');

export interface EventLine {
  /** UTC day of its end: `2026-11-21`. */
  readonly day: string;
  /** With its newline. */
  readonly text: string;
  /** As it was written: clamped. */
  readonly endMs: number;
}

/** What the lines of one series share. */
interface SeriesParts {
  /** `"name":…,"type":…` */
  readonly nameAndType: string;
  readonly service: string;
  /** With the marks of what did not fit. */
  readonly members: string;
  readonly keys: readonly string[];
}

/** One per source: numbers its events, those of each lane in turn. */
export class EventLines {
  readonly #sourceId: string;
  readonly #sourceBits: SourceBits;
  readonly #series = new WeakMap<EventSeries, SeriesParts>();
  readonly #sequence: Record<Lane, number> = { keep: LANES.indexOf('keep'), rest: LANES.indexOf('rest') };
  readonly #starts = new Timestamps();
  readonly #ends = new Timestamps();
  readonly #ids = Buffer.alloc(32);
  readonly #id = Buffer.alloc(16);
  readonly #idView = new DataView(this.#id.buffer, this.#id.byteOffset, this.#id.length);

  constructor(sourceId: bigint) {
    this.#sourceId = String(sourceId);
    this.#sourceBits = sourceBits(sourceId);
  }

  /** @throws when the event cannot be read, or its metadata is no JSON */
  encode(batch: EventBatch, index: number): EventLine {
    const series = this.#partsOf(batch.series(index));
    const givenEndMs = batch.endMs(index);
    const givenDurationMs = batch.durationMs(index);
    const endMs = clampEnd(givenEndMs, batch.lowWatermarkMs);
    const durationMs = clampDuration(givenDurationMs, endMs);
    const givenWeight = batch.weight(index);
    const weight = clampWeight(givenWeight);
    const givenError = batch.error(index);
    const error = givenError === undefined ? undefined : storableText(givenError, MAX_ERROR_LENGTH);
    const givenMetadata = batch.metadata(index) ?? '';
    const own = givenMetadata === '' ? NO_TEXT : storableMembers(givenMetadata, MAX_METADATA_LENGTH);
    let marks = '';
    if (own.isCut || error?.isCut === true) marks += `,${TRUNCATED_MARK}`;
    if (own.isReplaced || error?.isReplaced === true) marks += `,${REPLACED_MARK}`;
    if (endMs !== givenEndMs || durationMs !== givenDurationMs) marks += `,${INVALID_TIME_MARK}`;
    if (weight !== givenWeight) marks += `,${INVALID_WEIGHT_MARK}`;
    const endMicroseconds = Math.round(endMs * 1000);
    const endTime = this.#ends.format(endMicroseconds);
    const line =
      `{"id":"${this.#nextId(batch.lane, endMs)}",${series.nameAndType},"status":"${batch.status(index)}",` +
      `"start_time":"${this.#starts.format(endMicroseconds - Math.round(durationMs * 1000))}","end_time":"${endTime}",` +
      `"duration_ms":${durationMs},"service":${series.service},${this.#formatIds(batch, index)},` +
      `"error":${error === undefined ? 'null' : onOneLine(JSON.stringify(error.text))},` +
      `"metadata":{${joinMembers(series, own.text, marks.slice(1))}},"weight":${weight},"source_id":"${this.#sourceId}"}\n`;
    return { day: endTime.slice(0, 10), text: line, endMs };
  }

  #nextId(lane: Lane, endMs: number): string {
    const high = Math.floor(endMs / VALUES_OF_16_BITS);
    writeEventId(this.#idView, 0, high, Math.floor(endMs - high * VALUES_OF_16_BITS), this.#sequence[lane], this.#sourceBits);
    this.#sequence[lane] += LANES.length;
    const hex = this.#id.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  #formatIds(batch: EventBatch, index: number): string {
    const present = batch.writeIds(index, this.#ids, 0);
    if ((present & 1) === 0) return '"trace_id":null,"span_id":null,"parent_span_id":null';
    const hex = this.#ids.toString('hex');
    const parent = (present & 2) === 0 ? 'null' : `"${hex.slice(48)}"`;
    return `"trace_id":"${hex.slice(0, 32)}","span_id":"${hex.slice(32, 48)}","parent_span_id":${parent}`;
  }

  #partsOf(series: EventSeries): SeriesParts {
    let parts = this.#series.get(series);
    if (parts === undefined) {
      parts = partsOf(series);
      this.#series.set(series, parts);
    }
    return parts;
  }
}

function partsOf(series: EventSeries): SeriesParts {
  const [name, type, service] = [series.name, series.type, series.service].map((text) => storableText(text, MAX_NAME_LENGTH)) as [
    StorableText,
    StorableText,
    StorableText,
  ];
  const metadata = storableMembers(series.metadata, MAX_SERIES_METADATA_LENGTH);
  const all = [name, type, service, metadata];
  let marks = '';
  if (all.some(({ isCut }) => isCut)) marks += `,${TRUNCATED_MARK}`;
  if (all.some(({ isReplaced }) => isReplaced)) marks += `,${REPLACED_MARK}`;
  const members = onOneLine(joined(metadata.text, marks.slice(1)));
  return {
    nameAndType: onOneLine(`"name":${JSON.stringify(name.text)},"type":${JSON.stringify(type.text)}`),
    service: onOneLine(JSON.stringify(service.text)),
    members,
    keys: Object.keys(parseMembers(members)),
  };
}

/** Where both have a member, the event's own. @throws SyntaxError when they are no JSON */
function joinMembers(series: SeriesParts, own: string, marks: string): string {
  if (own === '' && marks === '') return series.members;
  const added = joined(onOneLine(own), marks);
  const given = parseMembers(added);
  for (const key of series.keys) {
    if (!Object.hasOwn(given, key)) continue;
    return onOneLine(JSON.stringify({ ...parseMembers(series.members), ...given }).slice(1, -1));
  }
  return joined(series.members, added);
}

function parseMembers(members: string): object {
  return JSON.parse(`{${members}}`) as object;
}

/** JSON with no end of a line in it: between its values a blank does, within a text an escape. */
function onOneLine(json: string): string {
  if (!LINE_ENDS.test(json)) return json;
  return json.replace(ALL_LINE_ENDS, (unit) => (unit === '\n' || unit === '\r' ? ' ' : escapeUnit(unit)));
}

/** Either may be empty. */
function joined(first: string, second: string): string {
  if (first === '') return second;
  return second === '' ? first : `${first},${second}`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
