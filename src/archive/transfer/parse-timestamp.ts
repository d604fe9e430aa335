// Times in files, to the microsecond. Pure.

const FORM = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d(?::?\d\d)?)?$/i;
const MINUTE_US = 60_000_000;

/**
 * RFC 3339, also without a zone: that is UTC, as Python's utcnow().isoformat() writes it.
 * @returns microseconds since the epoch; undefined when the text is no time. Further digits are cut off
 */
export function parseTimestamp(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, day = '', hours = '', minutes = '', seconds = '', fraction = '', zone = 'Z'] = match;
  const dayMs = Date.parse(`${day}T00:00:00Z`);
  // Date.parse takes 31 February for 3 March.
  if (Number.isNaN(dayMs) || new Date(dayMs).toISOString().slice(0, 10) !== day) return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const offset = offsetMinutes(zone);
  if (offset === undefined) return undefined;
  const timeUs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000_000;
  return dayMs * 1000 + timeUs + Number(fraction.padEnd(6, '0').slice(0, 6)) - offset * MINUTE_US;
}

function offsetMinutes(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
