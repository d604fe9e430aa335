// Ids of events: UUID v7, made without asking anybody, the same whenever the same event is written.

/**
 * Writes a UUID v7 (RFC 9562): 48 bits of milliseconds, then 32 bits of the event's number in its source, which order the events of one
 * millisecond, then 42 bits of the source id. Unique in a source unless it records 2^32 events in one millisecond.
 * @param msHigh the upper 32 bits of the milliseconds since the epoch
 * @param msLow the lower 16 bits of them
 * @param sequence the number of the event in its source, of all lanes
 * @param sourceBits the low 42 bits of the source id
 */
export function writeEventId(
  target: DataView,
  offset: number,
  msHigh: number,
  msLow: number,
  sequence: number,
  sourceBits: SourceBits,
): void {
  const number = sequence >>> 0;
  target.setUint32(offset, msHigh);
  target.setUint32(offset + 4, (msLow << 16) | 0x7000 | (number >>> 20));
  target.setUint32(offset + 8, 0x8000_0000 | ((number & 0xf_ffff) << 10) | sourceBits.high);
  target.setUint32(offset + 12, sourceBits.low);
}

/** 42 bits in two numbers: 10 and 32. */
export interface SourceBits {
  readonly high: number;
  readonly low: number;
}

export function sourceBits(sourceId: bigint): SourceBits {
  return { high: Number((sourceId >> 32n) & 0x3ffn), low: Number(sourceId & 0xffff_ffffn) };
}
