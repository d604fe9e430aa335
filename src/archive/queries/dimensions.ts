// What can be asked for: services, types, names, and labels with their values, as far as rollups know them.
import { loadSql } from '../../db/sql.ts';
import type { TimeRange } from './event-filter.ts';
import type { Ask } from './read-snapshot.ts';

export interface DimensionsQuery extends TimeRange {
  /** Values at most of each dimension and label. */
  readonly limit: number;
}

/** The values of one dimension or label, the busiest first. */
export interface DimensionValues {
  readonly values: readonly { readonly value: string; readonly count: number }[];
  /** How many there are; `values` has the busiest of them. */
  readonly value_count: number;
}

export interface Dimensions {
  /** The range in whole minutes, which is what was counted. */
  readonly from: string;
  readonly to: string;
  readonly services: DimensionValues;
  readonly types: DimensionValues;
  readonly names: DimensionValues;
  /** In the order of their names; the first ones, where there are more than `label_count` here. */
  readonly labels: readonly ({ readonly label: string } & DimensionValues)[];
  readonly label_count: number;
}

interface Row {
  readonly dimension: 'service' | 'type' | 'name' | 'label';
  readonly label: string | null;
  readonly value: string;
  readonly count: number;
  readonly value_count: number;
  readonly label_count: number | null;
}

const MINUTE_MS = 60_000;
const MAX_LABELS = 50;
const dimensionsSql = loadSql('archive/dimensions');

/** Reads what there is in the minutes that the range touches. */
export async function readDimensions(ask: Ask, query: DimensionsQuery): Promise<Dimensions> {
  const from = Math.floor(query.from.getTime() / MINUTE_MS) * MINUTE_MS;
  const to = Math.ceil(query.to.getTime() / MINUTE_MS) * MINUTE_MS;
  const rows = await ask<Row>(dimensionsSql, { from, to, values: query.limit, labels: MAX_LABELS });
  const of = (dimension: Row['dimension'], label: string | null = null) =>
    toValues(rows.filter((row) => row.dimension === dimension && row.label === label));
  const labels = new Set(rows.flatMap(({ label }) => (label === null ? [] : [label])));
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    services: of('service'),
    types: of('type'),
    names: of('name'),
    labels: [...labels].map((label) => ({ label, ...of('label', label) })),
    label_count: rows[0]?.label_count ?? 0,
  };
}

function toValues(rows: readonly Row[]): DimensionValues {
  return { values: rows.map(({ value, count }) => ({ value, count })), value_count: rows[0]?.value_count ?? 0 };
}
