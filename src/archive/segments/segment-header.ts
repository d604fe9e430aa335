// What the header of a segment may say. It decides what is written where, so nothing in it is believed that is not known here.
import { z } from 'zod';
import { describeError, KeepwatchError } from '../../errors.ts';
import { SPOOL_LANES, type SpoolLane } from '../../event.ts';
import { findRelation, knowsColumns } from './relations.ts';
import type { SegmentHeader } from './segment-format.ts';

/** Names that any version gives: what else stands in their place no version has written. */
const headerSchema = z.object({
  sourceId: z
    .string()
    .regex(/^\d{1,19}$/)
    .transform(BigInt),
  lane: z.string().regex(/^[a-z][a-z0-9_]{0,30}$/),
  segment: z.int().positive(),
  relation: z.string().regex(/^observability_[a-z0-9_]{1,40}$/),
  columns: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/))
    .min(1)
    .refine((columns) => new Set(columns).size === columns.length, 'a column is named twice'),
  service: z.string(),
});

/**
 * Reads the JSON of a header whose checksum holds.
 * @returns undefined when it names a lane, a relation or a column that this version does not know: a newer one wrote it
 * @throws KeepwatchError ERR_SEGMENT_INVALID when no version writes such a header
 */
export function parseHeader(json: string): SegmentHeader | undefined {
  let header: z.infer<typeof headerSchema>;
  try {
    header = headerSchema.parse(JSON.parse(json));
  } catch (cause) {
    throw new KeepwatchError('ERR_SEGMENT_INVALID', `its header is not what ours are: ${describeError(cause)}`, { cause });
  }
  const { lane, columns } = header;
  const relation = findRelation(header.relation);
  if (relation === undefined || !isLane(lane) || !knowsColumns(relation, columns)) return undefined;
  if (columns.includes(relation.timeColumn)) return { ...header, lane };
  throw new KeepwatchError('ERR_SEGMENT_INVALID', `its header names no column ${relation.timeColumn}`);
}

function isLane(name: string): name is SpoolLane {
  return (SPOOL_LANES as readonly string[]).includes(name);
}
