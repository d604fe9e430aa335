// What a run does to the archive: drawn whole from one seed before it begins, so that the same seed plays the same faults again.
import { createRandom, type Random } from '../../demo/random.ts';

export const FORMS = ['in-process', 'process'] as const;
export type Form = (typeof FORMS)[number];

/** What may happen to an archive, by the form of run that can play it; how often, beside the others. */
export const KINDS = {
  'in-process': {
    cut: 3,
    stall: 1,
    'half-close': 2,
    'lost-commit': 3,
    terminate: 3,
    lock: 1,
    crash: 3,
    rival: 2,
    'disk-full': 2,
    'read-only': 1,
    flip: 2,
    truncate: 2,
    zero: 2,
    clock: 2,
    suspend: 2,
    'went-back': 3,
  },
  process: {
    'kill-app': 4,
    'kill-backend': 2,
    'kill-postmaster': 1,
    freeze: 1,
    cut: 2,
    stall: 1,
    'half-close': 1,
    'lost-commit': 2,
    'disk-full': 1,
    'read-only': 1,
    damage: 2,
    clock: 1,
    'second-drainer': 1,
    'went-back': 2,
    /** Takes half a minute: drawn only where it is asked for by name. */
    outsleep: 0,
  },
} as const satisfies Record<Form, Readonly<Record<string, number>>>;
export type Kind<F extends Form> = keyof (typeof KINDS)[F] & string;
export type AnyKind = Kind<'in-process'> | Kind<'process'>;

/** One fault, amid work. */
export interface Step<F extends Form = Form> {
  readonly kind: Kind<F>;
  /** Which of the apps it happens to; taken modulo their number. */
  readonly app: number;
  /** Events recorded before it. */
  readonly events: number;
  /** The work begins so long before the fault; negative: so long after it. */
  readonly leadMs: number;
  /** How long it lasts, where it lasts. */
  readonly lastMs: number;
  /** Everything else that the fault has to choose. */
  readonly seed: number;
}

export interface Plan<F extends Form = Form> {
  readonly form: F;
  readonly seed: number;
  /** Which kinds could occur; all that the form knows, unless it was told otherwise. */
  readonly kinds: readonly Kind<F>[];
  readonly apps: number;
  readonly steps: readonly Step<F>[];
}

const STEPS_PER_RUN: Readonly<Record<Form, number>> = { 'in-process': 8, process: 5 };
const MAX_SEED = 2 ** 31;

/** @param kinds which may occur; not empty */
export function drawPlan<F extends Form>(form: F, seed: number, kinds: readonly Kind<F>[]): Plan<F> {
  const steps = kinds.every((kind) => kind === 'outsleep') ? 1 : STEPS_PER_RUN[form];
  const random = createRandom(seed);
  const weights = KINDS[form] as Readonly<Record<string, number>>;
  const weightOf = (kind: string) => (kinds.length === 1 ? 1 : (weights[kind] ?? 1));
  const urn = kinds.flatMap((kind) => Array.from({ length: weightOf(kind) }, () => kind));
  const isProcess = form === 'process';
  return {
    form,
    seed,
    kinds,
    apps: 1 + random.below(2),
    steps: Array.from({ length: steps }, () => ({
      kind: random.pick(urn),
      app: random.below(2),
      events: drawEvents(random),
      leadMs: isProcess ? random.below(1000) : random.below(24) - 6,
      lastMs: isProcess ? 200 + random.below(1000) : random.below(60),
      seed: random.below(MAX_SEED),
    })),
  };
}

/** Mostly few, now and then many, so that blocks, segments and batches of all sizes occur. */
function drawEvents(random: Random): number {
  return random.below(8) === 0 ? 200 + random.below(2000) : 1 + random.below(60);
}

/** Seeds of the runs of a campaign. */
export function drawSeeds(seed: number, runs: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: runs }, () => random.below(MAX_SEED));
}
