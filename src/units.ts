// Durations and sizes as people write them. Pure text to numbers and back.

const DURATION_UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const BYTE_UNITS = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** Says how a duration is written; ends error messages. */
export const DURATION_FORM = 'a number and a unit: ms, s, m, h, d or w, for example 250ms, 15s, 5m, 30d';
/** Says how a size is written; ends error messages. */
export const BYTES_FORM = 'a number and a unit: B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example 512MB, 1GB';

/** `15s`, `5m`, `1.5h` to milliseconds; undefined when `text` is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * DURATION_UNITS_MS[match[2] as keyof typeof DURATION_UNITS_MS];
}

/** Milliseconds to the shortest exact form: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = DURATION_UNITS_MS[unit];
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** `1GB`, `512MiB` to bytes; undefined when `text` is no size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unit = match?.[2] as keyof typeof BYTE_UNITS | undefined;
  if (match === null || unit === undefined || !(unit in BYTE_UNITS)) return undefined;
  return Math.round(Number(match[1]) * BYTE_UNITS[unit]);
}
