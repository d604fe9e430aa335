// What every store bounds of an event, so that it can be kept, and the marks in its metadata that say so. The tracker's own bounds of texts are
// well below; what a store is handed may come from elsewhere.

/** Of texts and JSON members, in UTF-16 units. */
export const MAX_NAME_LENGTH = 1000;
export const MAX_SERIES_METADATA_LENGTH = 4000;
export const MAX_METADATA_LENGTH = 12_000;
export const MAX_ERROR_LENGTH = 2000;
/** What an integer of Postgres holds. */
export const MAX_WEIGHT = 2_147_483_647;
/** Ends outside of this, milliseconds since the epoch, are clamped to it and marked. */
export const MIN_END_MS = 0;
export const MAX_END_MS = Date.UTC(9999, 0, 1);

/** Added to the metadata of an event of which the end or the duration cannot be. */
export const INVALID_TIME_MARK = '"keepwatch.invalid_time":true';
/** Added to the metadata of an event of which the weight is no number from 1 to `MAX_WEIGHT`. */
export const INVALID_WEIGHT_MARK = '"keepwatch.invalid_weight":true';

/** The nearest end that can be stored; NaN becomes the batch's watermark. */
export function clampEnd(endMs: number, lowWatermarkMs: number): number {
  if (!Number.isNaN(endMs)) return Math.min(Math.max(endMs, MIN_END_MS), MAX_END_MS);
  return lowWatermarkMs >= MIN_END_MS && lowWatermarkMs <= MAX_END_MS ? lowWatermarkMs : MIN_END_MS;
}

/** None began before the epoch: what is longer, negative or no number counts as 0. */
export function clampDuration(durationMs: number, endMs: number): number {
  return durationMs >= 0 && durationMs <= endMs ? durationMs : 0;
}

/** A whole number of executions, at least 1. */
export function clampWeight(weight: number): number {
  return weight >= 1 ? Math.min(Math.floor(weight), MAX_WEIGHT) : 1;
}
