// What `npm run chaos` can be told.
import { parseArgs } from 'node:util';
import { type AnyKind, FORMS, type Form, KINDS } from './plan.ts';

export interface Options {
  readonly seed: number;
  /** Stop after so many. */
  readonly faults: number;
  readonly forms: readonly Form[];
  /** Empty: all. */
  readonly only: readonly AnyKind[];
  /** One run alone. */
  readonly run: { readonly form: Form; readonly seed: number } | undefined;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** 2,000 in this process and 100 on real ones. */
const DEFAULT_FAULTS = 2100;
const ALL_KINDS = [...new Set(FORMS.flatMap((form) => Object.keys(KINDS[form])))] as AnyKind[];

export const HELP = `usage: npm run chaos -- [options]

Does to the archive what machines, networks and databases do, and proves after each run that every event which was safe is in Postgres
exactly once, or counted where a fault destroyed its bytes. One fault in 21 strikes real processes (killed, frozen, adopted); the others
strike archives in this process. Needs a Postgres: TEST_DATABASE_URL, or an embedded one is started. What needs root (a disk of its own, a
pid namespace) is left out, and named, where it is not allowed.

  --seed <n>       of the campaign; default: drawn, and printed
  --faults <n>     how many; default: ${DEFAULT_FAULTS}
  --form <form>    ${FORMS.join(' or ')}; default: both
  --only <kinds>   these faults alone, separated by commas
  --run <id>       one run again, as a failure names it
  --json           print the result as JSON
  --help           show this

kinds of faults:
${FORMS.map((form) => `  ${form}: ${Object.keys(KINDS[form]).join(', ')}`).join('\n')}

examples:
  npm run chaos
  npm run chaos -- --faults 10000 --seed 1
  npm run chaos -- --only lost-commit,crash --faults 200
  npm run chaos -- --run in-process:1346631033

The last line says "N passed, 0 failed", counted in faults; the exit code is 1 when a run failed, 2 for a wrong option.
`;

/** @throws Error naming the option, what was given and what is allowed */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      faults: { type: 'string' },
      form: { type: 'string' },
      only: { type: 'string' },
      run: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const only = (values.only ?? '').split(',').filter((kind) => kind !== '');
  for (const kind of only) if (!isKind(kind)) throw new Error(`--only: got ${kind}; allowed: ${ALL_KINDS.join(', ')}`);
  return {
    seed: readNumber('--seed', values.seed) ?? Date.now() % 1_000_000_000,
    faults: readNumber('--faults', values.faults) ?? DEFAULT_FAULTS,
    forms: values.form === undefined ? FORMS : [readForm('--form', values.form)],
    only: only as AnyKind[],
    run: values.run === undefined ? undefined : readRun(values.run),
    isJson: values.json,
    isHelp: values.help,
  };
}

function isKind(text: string): text is AnyKind {
  return (ALL_KINDS as readonly string[]).includes(text);
}

function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${option}: got ${text}; allowed: a whole number`);
  return Number(text);
}

function readForm(option: string, text: string): Form {
  const form = FORMS.find((each) => each === text);
  if (form === undefined) throw new Error(`${option}: got ${text}; allowed: ${FORMS.join(', ')}`);
  return form;
}

function readRun(text: string): Options['run'] {
  const [form = '', seed = ''] = text.split(':');
  return { form: readForm('--run', form), seed: readNumber('--run', seed) ?? 0 };
}
