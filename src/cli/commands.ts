// The commands of `keepwatch`, each loaded when it is run: to load all takes half a second of CPU. Help of the program needs them all.
import type { Command } from 'commander';

type Add = (program: Command) => void;

/** By their names, in the order in which help lists them. */
export const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  demo: async () => (await import('./demo.ts')).addDemo,
  serve: async () => (await import('./serve.ts')).addServe,
  migrate: async () => (await import('./migrate.ts')).addMigrate,
  verify: async () => (await import('./verify.ts')).addVerify,
  summary: async () => (await import('./summary.ts')).addSummary,
  recent: async () => (await import('./recent.ts')).addRecent,
  logs: async () => (await import('./logs.ts')).addLogs,
  prune: async () => (await import('./prune.ts')).addPrune,
  erase: async () => (await import('./erase.ts')).addErase,
  export: async () => (await import('./export.ts')).addExport,
  import: async () => (await import('./import.ts')).addImport,
  spool: async () => (await import('./spool.ts')).addSpool,
  alerts: async () => (await import('./alerts.ts')).addAlerts,
  budgets: async () => (await import('./budgets.ts')).addBudgets,
  targets: async () => (await import('./targets.ts')).addTargets,
};

/** Adds the one that the arguments begin with, or all where they begin with none: help lists them, and an error proposes what is like it. */
export async function addCommands(program: Command, [first = '']: readonly string[]): Promise<void> {
  const names = Object.hasOwn(COMMANDS, first) ? [first] : Object.keys(COMMANDS);
  for (const name of names) (await COMMANDS[name]?.())?.(program);
}
