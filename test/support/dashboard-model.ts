// Grafana's own types of the classic model, checked against JSON: the compiler reads each dashboard as a literal. The SDK writes enums, which no literal
// of JSON is one of; here they are the values that they stand for.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_FOLDER } from '../../src/db/sql.ts';

const MODULES = join(PACKAGE_FOLDER, 'node_modules');
const SDK = join(MODULES, '@grafana/grafana-foundation-sdk/dist');
/** Parts of the SDK that speak of what dashboards here hold. */
const PARTS = ['common', 'dashboard', 'prometheus', 'timeseries', 'stat', 'table'] as const;

/** The model with what it leaves open said as well: options and fields of each kind of panel, and queries of each data source. */
const MODEL = `import type * as common from './common';
import type * as dashboard from './dashboard';
import type * as prometheus from './prometheus';
import type * as stat from './stat';
import type * as table from './table';
import type * as timeseries from './timeseries';

/** What the editor of Grafana's Postgres data source writes; the SDK does not know it. */
interface PostgresQuery {
  refId: string;
  format: 'time_series' | 'table';
  rawQuery: true;
  editorMode: 'code';
  rawSql: string;
  datasource?: common.DataSourceRef;
}
type Query = prometheus.Dataquery | PostgresQuery;
type Fields<C> = Omit<dashboard.FieldConfigSource, 'defaults'> & { defaults: Omit<dashboard.FieldConfig, 'custom'> & { custom?: Partial<C> } };
type PanelOf<T extends string, O, C> = Omit<dashboard.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: T;
  options: Partial<O>;
  fieldConfig: Fields<C>;
  targets: Query[];
};
type Panel =
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, Record<never, never>>
  | PanelOf<'table', table.Options, table.FieldConfig>
  | dashboard.RowPanel;
type Annotation = Omit<dashboard.AnnotationQuery, 'target'> & { target?: PostgresQuery };
export type ClassicDashboard = Omit<dashboard.Dashboard, 'panels' | 'annotations'> & { panels: Panel[]; annotations: { list: Annotation[] } };
`;

const TSCONFIG = {
  compilerOptions: { noEmit: true, strict: true, module: 'esnext', moduleResolution: 'bundler', types: [] },
  include: ['*.ts', '*/*.d.ts'],
};

/**
 * What the compiler says of each text of JSON as a dashboard; nothing of one that Grafana's types take.
 * @throws Error when types of the SDK cannot be read so
 */
export function wrongInModels(texts: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-model-'));
  try {
    for (const part of PARTS) {
      mkdirSync(join(folder, part));
      writeFileSync(join(folder, part, 'index.d.ts'), withoutEnums(readFileSync(join(SDK, part, 'types.gen.d.ts'), 'utf8')));
    }
    mkdirSync(join(folder, 'cog'));
    writeFileSync(join(folder, 'cog/index.d.ts'), 'export interface Dataquery {}\n');
    writeFileSync(join(folder, 'model.ts'), MODEL);
    for (const [index, text] of texts.entries()) {
      const head = `import type { ClassicDashboard } from './model';\nexport const dashboard: ClassicDashboard = `;
      writeFileSync(join(folder, `dashboard-${index}.ts`), head + text);
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const { stdout } = spawnSync(join(MODULES, '.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
      cwd: folder,
    });
    const problems = texts.map((): string[] => []);
    for (const line of stdout.split('\n').filter((said) => /^\S/.test(said))) {
      const [, index] = /^dashboard-(\d+)\.ts\(/.exec(line) ?? [];
      if (index === undefined) throw new Error(`the compiler: ${line}`);
      problems[Number(index)]?.push(line);
    }
    return problems;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Each enum as a union of its values, its members as types, and no marks that only objects in memory have. */
function withoutEnums(types: string): string {
  return types
    .replace(/ +_implementsDataqueryVariant\(\): void;\n/g, '')
    .replace(/export declare enum (\w+) \{([^}]*)\}/g, (_, name: string, body: string) => {
      const members = [...body.matchAll(/(\w+) = ("[^"]*"|-?\d+)/g)];
      const values = members.map(([, , value]) => value).join(' | ');
      const named = members.map(([, member = '', value = '']) => `type ${member} = ${value};`).join(' ');
      return `export type ${name} = ${values};\nexport declare namespace ${name} { ${named} }`;
    });
}
