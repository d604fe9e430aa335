// Reads the numbers of a provider's usage, and divides its totals into buckets that exclude each other.
import { isCount, type TokenBuckets } from './token-buckets.ts';

/** A provider's usage, read. */
export interface UsageReading {
  readonly buckets: TokenBuckets;
  /** A number in it is none, is missing, or is greater than the total that it is part of. */
  readonly isInvalid: boolean;
  /** What the provider calls the tier (batch, flex, priority), where that is not its standard one: prices differ. */
  readonly tier?: string;
}

/** Any object; what is asked of it may be anything. */
export type Loose = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null;
}

/** The member, if it is an object; else one without members. */
export function part(object: Loose, key: string): Loose {
  const value = object[key];
  return isObject(value) ? value : {};
}

/** Reads counts, and remembers whether one of them was none. */
export class Counts {
  isInvalid = false;

  /** Undefined when it is not given: undefined or null. */
  read(given: unknown): number | undefined {
    if (given === undefined || given === null) return undefined;
    if (isCount(given)) return given;
    this.isInvalid = true;
    return undefined;
  }

  /** A count that every usage of this shape has. */
  require(given: unknown): number | undefined {
    if (given === undefined || given === null) this.isInvalid = true;
    return this.read(given);
  }

  /** At most `limit`: no part is greater than its whole. */
  atMost(count: number | undefined, limit: number): number {
    if (count === undefined) return 0;
    if (count > limit) this.isInvalid = true;
    return Math.min(count, limit);
  }
}

/** Totals as most providers give them: their parts are inside of them. */
export interface InclusiveCounts {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly total?: number | undefined;
  readonly cachedInput?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly audioInput?: number | undefined;
  readonly reasoning?: number | undefined;
  readonly audioOutput?: number | undefined;
}

/** Reads a usage whose totals include their parts. */
export function readTotals(read: (counts: Counts) => InclusiveCounts): UsageReading {
  const counts = new Counts();
  const buckets = divideTotals(read(counts), counts);
  return { buckets, isInvalid: counts.isInvalid };
}

/**
 * The buckets of totals that include their parts. What two parts share (cached audio) counts with the first of them. What the total has
 * beyond input and output is reasoning: some models that think count it there alone (Grok, Gemini through OpenAI's format).
 */
function divideTotals(given: InclusiveCounts, counts: Counts): TokenBuckets {
  const { input, output } = given;
  const beyond = beyondParts(given, counts);
  const buckets: { -readonly [B in keyof TokenBuckets]: number } = {};
  if (input !== undefined) {
    const parts = [given.cachedInput, given.cacheWrite, given.audioInput];
    const [cached = 0, written = 0, audio = 0] = shareOut(input, parts, counts);
    buckets.input = input - cached - written - audio;
    buckets.cachedInput = cached;
    buckets.cacheWrite = written;
    buckets.audioInput = audio;
  }
  if (output !== undefined) {
    const inside = Math.max(0, (given.reasoning ?? 0) - beyond);
    const [reasoning = 0, audio = 0] = shareOut(output, [inside, given.audioOutput], counts);
    buckets.output = output - reasoning - audio;
    buckets.reasoning = reasoning + beyond;
    buckets.audioOutput = audio;
  }
  return withoutZeros(buckets);
}

/** A total that is less than its parts is not believed. */
function beyondParts({ input, output, total }: InclusiveCounts, counts: Counts): number {
  if (total === undefined || input === undefined || output === undefined) return 0;
  if (total < input + output) counts.isInvalid = true;
  return Math.max(0, total - input - output);
}

/** Each part as far as the whole has room for it. */
function shareOut(whole: number, parts: readonly (number | undefined)[], counts: Counts): number[] {
  let left = whole;
  return parts.map((given) => {
    const share = Math.min(counts.atMost(given, whole), left);
    left -= share;
    return share;
  });
}

/** Input and output stay, when they are known: they say that there were none. */
export function withoutZeros(buckets: TokenBuckets): TokenBuckets {
  const kept = Object.entries(buckets).filter(([name, count]) => count > 0 || name === 'input' || name === 'output');
  return Object.fromEntries(kept);
}
