// keepwatch budgets: what may be spent on LLM calls in a day, a week, a month: listed, set and removed.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { retentionProblem } from '../alerts/definitions/budget-retention.ts';
import { BUDGET_PERIODS, budgetSchema, namedBudgetSchema } from '../alerts/definitions/budget-schema.ts';
import { type Budget, type BudgetChange, type Budgets, createBudgets } from '../alerts/definitions/budgets.ts';
import { checkDraft } from '../alerts/definitions/check-draft.ts';
import type { WriteOutcome } from '../alerts/definitions/write-outcome.ts';
import { loadConfig } from '../config.ts';
import { KeepwatchError } from '../errors.ts';
import { actorName } from './actor.ts';
import { withStorage } from './storage.ts';
import { type Column, formatTable } from './table.ts';

export function addBudgets(program: Command): void {
  const budgets = program.command('budgets').description('show and change what may be spent on LLM calls');
  addList(budgets);
  addSet(budgets);
  addRemove(budgets);
  addHistory(budgets);
}

function addList(budgets: Command): void {
  budgets
    .command('list')
    .description('show all budgets')
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExamples:\n  keepwatch budgets list\n  keepwatch budgets list --json | jq '.[].limit_usd'")
    .action(async ({ json }: { json?: boolean }) => {
      const all = await withBudgets((store) => store.list());
      warn(all);
      if (json === true) process.stdout.write(`${JSON.stringify(all)}\n`);
      else process.stdout.write(all.length === 0 ? 'no budgets\n' : `${formatTable(COLUMNS, all)}\n`);
    });
}

interface SetFlags {
  readonly limit?: number;
  readonly period?: string;
  readonly timezone?: string;
  readonly scope?: Readonly<Record<string, string>>;
  readonly enabled?: boolean;
  readonly json?: boolean;
}

function addSet(budgets: Command): void {
  budgets
    .command('set')
    .description('make a budget, or change what is given of one')
    .argument('<name>', 'its name')
    .option('--limit <usd>', 'US dollars that may be spent in a period', usd)
    .addOption(new Option('--period <period>', 'when spending begins at 0 again').choices(BUDGET_PERIODS))
    .option('--timezone <zone>', 'where periods begin, such as Europe/Berlin; UTC for a new one')
    .option('--scope <member=value>', 'only events whose metadata has it; may be repeated', member)
    .addOption(
      new Option('--enabled <flag>', 'whether rules look at it').choices(['true', 'false']).argParser((text) => text === 'true'),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  keepwatch budgets set search --limit 500 --period month --scope team=search --timezone Europe/Berlin
  keepwatch budgets set search --limit 600
  keepwatch budgets set search --enabled false`,
    )
    .action(set);
}

async function set(name: string, { json, limit, ...given }: SetFlags): Promise<void> {
  const flags = { ...given, ...(limit === undefined ? {} : { limit_usd: limit }) };
  const outcome = await withBudgets(async (store) => {
    const before = await store.read(name);
    if (before === undefined) {
      const { name: checked, ...draft } = checkDraft(namedBudgetSchema, { name, ...flags });
      return store.create(checked, draft, actorName());
    }
    const { name: _name, version, created_at: _created, updated_at: _updated, ...draft } = before;
    return store.replace(name, version, checkDraft(budgetSchema, { ...draft, ...flags }), actorName());
  });
  say(outcome, name, 'set', json);
  if (outcome.outcome === 'done') warn([outcome.current]);
}

function addRemove(budgets: Command): void {
  budgets
    .command('remove')
    .description('remove a budget')
    .argument('<name>', 'its name')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  keepwatch budgets remove search')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const outcome = await withBudgets(async (store): Promise<WriteOutcome<Budget>> => {
        const before = await store.read(name);
        return before === undefined ? { outcome: 'missing' } : store.remove(name, before.version, actorName());
      });
      say(outcome, name, 'removed', json);
    });
}

function addHistory(budgets: Command): void {
  budgets
    .command('history')
    .description('show who changed a budget, and how, the newest change first')
    .argument('<name>', 'its name; of one that was removed, too')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  keepwatch budgets history search\n  keepwatch budgets history search --json | jq '.[0].before'",
    )
    .action(async (name: string, { json }: { json?: boolean }) => {
      const changes = await withBudgets((store) => store.changes(name));
      if (json === true) process.stdout.write(`${JSON.stringify(changes)}\n`);
      else process.stdout.write(changes.length === 0 ? `"${name}" was never changed\n` : `${formatTable(CHANGES, changes)}\n`);
    });
}

/** On stderr: what keeps sums from being right. */
function warn(budgets: readonly Budget[]): void {
  const config = loadConfig();
  for (const problem of budgets.flatMap((budget) => retentionProblem(budget, config) ?? []))
    process.stderr.write(`keepwatch: warning: ${problem}\n`);
}

function withBudgets<T>(work: (budgets: Budgets) => Promise<T>): Promise<T> {
  return withStorage(loadConfig(), ({ database }) => work(createBudgets(database)));
}

function say(outcome: WriteOutcome<Budget>, name: string, done: string, json: boolean | undefined): void {
  if (outcome.outcome === 'missing')
    throw new KeepwatchError('ERR_USAGE', `no budget is named "${name}"; keepwatch budgets list shows all`);
  if (outcome.outcome === 'conflict')
    throw new KeepwatchError('ERR_USAGE', `"${name}" was changed by somebody else meanwhile; look at it, and try again`);
  if (json === true) process.stdout.write(`${JSON.stringify(outcome.current)}\n`);
  else process.stdout.write(`${done}: ${formatTable(COLUMNS, [outcome.current]).split('\n')[1]}\n`);
}

function usd(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number > 0 && number <= 1e12))
    throw new InvalidArgumentError('allowed: US dollars, above 0 and at most 1e12.');
  return number;
}

function member(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new InvalidArgumentError('allowed: a member of metadata and its value, such as team=search.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

const CHANGES: Column<BudgetChange>[] = [
  { title: 'AT', cell: (row) => row.at },
  { title: 'WHO', cell: (row) => row.actor },
  { title: 'ACTION', cell: (row) => row.action },
  { title: 'VERSION', align: 'right', cell: (row) => String(row.version) },
  { title: 'CHANGE', cell: describeChange },
];

/** What a change says of the members that it changed: `limit_usd: 500 -> 600`. */
function describeChange({ before, after }: BudgetChange): string {
  const names = Object.keys(after ?? before ?? {}).filter((name) => name !== 'version');
  const [from, to] = [before, after].map((content) => (name: string) => JSON.stringify(content?.[name]));
  return names
    .filter((name) => from?.(name) !== to?.(name))
    .map((name) =>
      before === null ? `${name}: ${to?.(name)}` : `${name}: ${from?.(name)}${after === null ? '' : ` -> ${to?.(name)}`}`,
    )
    .join(', ');
}

const COLUMNS: Column<Budget>[] = [
  { title: 'NAME', cell: (row) => row.name },
  { title: 'LIMIT', align: 'right', cell: (row) => `$${row.limit_usd}` },
  { title: 'PERIOD', cell: (row) => row.period },
  { title: 'TIMEZONE', cell: (row) => row.timezone },
  { title: 'SCOPE', cell: (row) => JSON.stringify(row.scope) },
  { title: 'ENABLED', cell: (row) => String(row.enabled) },
  { title: 'VERSION', align: 'right', cell: (row) => String(row.version) },
];
