// What a panel is, whichever data source it asks: words, unit, and its question in PromQL, in SQL, or both. Panels that ask both have to show the
// same numbers (test/integration/grafana).
import type { Choice } from './choices.ts';

/** The unit of a value, in Grafana's words. */
export type Unit = 'short' | 'reqps' | 'percentunit' | 's' | 'ms' | 'bytes' | 'currencyUSD' | 'none';
export type Color = 'green' | 'yellow' | 'orange' | 'red';

export interface PromQuestion {
  readonly expr: string;
  /** How a line is called, such as `{{http_route}}`. */
  readonly legend?: string;
  /** One value as of the end of the range, for stats and tables. */
  readonly isInstant?: boolean;
  /** Shows traces at the bars of a histogram. */
  readonly hasExemplars?: boolean;
}

/** SQL with Grafana's macros. In a panel of lines: a column `time`, numbers, and at most one text, by which lines are told apart. */
export type SqlQuestion = string;

export interface Threshold {
  /** From this value on. */
  readonly from: number;
  readonly color: Color;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly kind: 'lines' | 'bars' | 'stat' | 'table';
  readonly unit: Unit;
  readonly prometheus?: readonly PromQuestion[];
  readonly postgres?: readonly SqlQuestion[];
  /** Of 24 columns; default 12. */
  readonly width?: number;
  /** Default 8; a stat 4. */
  readonly height?: number;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  /** Ascending. */
  readonly thresholds?: readonly Threshold[];
  /** The color below the first threshold; default green. */
  readonly lowest?: Color;
  /** Thresholds are drawn as lines. */
  readonly showsThresholds?: boolean;
  /** Lines are stacked. */
  readonly isStacked?: boolean;
  /** Of single columns of a table. */
  readonly columnUnits?: Readonly<Record<string, Unit>>;
  /** The column of a table that holds a trace id: it links to the trace. */
  readonly traceColumn?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export type Source = 'prometheus' | 'postgres';
export const SOURCES = ['prometheus', 'postgres'] as const satisfies readonly Source[];

/**
 * Where a dashboard lives: with those of one data source, with those of roles, which ask both, each panel the first that it has a question for, or with those
 * of one thing, which links lead to.
 */
export type Home = Source | 'roles' | 'details';

export const SOURCES_OF: Readonly<Record<Home, readonly Source[]>> = {
  prometheus: ['prometheus'],
  postgres: ['postgres'],
  roles: SOURCES,
  details: ['postgres'],
};

export interface Textbox {
  readonly name: string;
  readonly title: string;
}

/** A dashboard, whatever it asks. */
export interface DashboardDefinition {
  /** Name of the file, and a part of the uid. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
  /** Variables of its domain. Those of roles are asked of Postgres alone: All is written otherwise in PromQL. */
  readonly choices?: readonly Choice[];
  /** What is put in by hand or by a link. */
  readonly textboxes?: readonly Textbox[];
  /** Default: an hour. */
  readonly from?: string;
}
