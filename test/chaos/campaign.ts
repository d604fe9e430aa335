// A campaign: runs of both forms side by side until enough faults have happened, each on a stage of its own, in an order that the seed gives.
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { runInProcess } from './in-process/run.ts';
import { type AnyKind, drawPlan, drawSeeds, FORMS, type Form, KINDS, type Kind } from './plan.ts';
import { runProcesses } from './process/run.ts';
import { openProcessStage, openSharedStage } from './process/stage.ts';
import type { RunResult } from './run-result.ts';
import { SmallDisk } from './small-disk.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly faults: number;
  readonly forms: readonly Form[];
  /** Empty: all that this machine allows. */
  readonly only: readonly AnyKind[];
  /** Called after each run. */
  readonly onResult: (result: RunResult) => void;
  /** Registers what has to be undone when the campaign ends, however it ends. */
  readonly onEnd: (release: () => Promise<void> | void) => void;
  /** Asked between runs. */
  readonly shouldStop: () => boolean;
}

/** One in so many faults strikes real processes. */
const PROCESS_SHARE = 21;
const ASIDE_SHARE = 1000;
const LANES: Readonly<Record<Form, number>> = { 'in-process': 3, process: 2 };
const DISK_MEGABYTES = 24;
const NEEDS_DISK: readonly AnyKind[] = ['disk-full', 'read-only'];

/** Runs until enough faults have happened. A run that fails does not stop the others. */
export async function runCampaign(options: CampaignOptions): Promise<void> {
  const { forms, only, faults } = options;
  let running = forms.length;
  const inForm = async (form: Form) => {
    const share = forms.length === 1 ? 1 : form === 'process' ? 1 / PROCESS_SHARE : 1 - 1 / PROCESS_SHARE;
    const kinds = kindsOf(form, only);
    if (kinds.length > 0) await runForm(form, kinds, Math.round(faults * share), options);
    running--;
  };
  const aside = forms.includes('process') && only.length === 0 ? [runAside(options, () => running > 0)] : [];
  await allEnded([...forms.map(inForm), ...aside]);
}

/** What takes long and waits most of the time goes beside the others: at least one run, and no more than one in so many faults. */
async function runAside(options: CampaignOptions, isTime: () => boolean): Promise<void> {
  const stage = await openStage('process', options, true);
  for (const seed of drawSeeds(options.seed - 1, Math.ceil(options.faults / ASIDE_SHARE))) {
    if (options.shouldStop()) return;
    options.onResult(await stage.run(seed, ['outsleep']));
    if (!isTime()) return;
  }
}

/** One run alone. */
export async function runOne(form: Form, seed: number, options: CampaignOptions): Promise<void> {
  const kinds = kindsOf(form, options.only);
  const stage = await openStage(
    form,
    options,
    kinds.every((kind) => kind === 'outsleep'),
  );
  options.onResult(await stage.run(seed, kinds));
}

/** Those of the form that were asked for; otherwise all that are drawn. */
export function kindsOf(form: Form, only: readonly AnyKind[]): AnyKind[] {
  const weights = Object.entries(KINDS[form]) as [AnyKind, number][];
  return weights.flatMap(([kind, weight]) => ((only.length === 0 ? weight > 0 : only.includes(kind)) ? [kind] : []));
}

async function runForm(form: Form, kinds: readonly AnyKind[], wanted: number, options: CampaignOptions): Promise<void> {
  const seeds = drawSeeds(options.seed + FORMS.indexOf(form), wanted + LANES[form])[Symbol.iterator]();
  let faults = 0;
  const lane = async () => {
    const stage = await openStage(form, options);
    for (const seed of seeds) {
      if (faults >= wanted || options.shouldStop()) return;
      const result = await stage.run(seed, kinds);
      faults += result.faults;
      options.onResult(result);
    }
  };
  await allEnded(Array.from({ length: LANES[form] }, lane));
}

/** What is under way comes to its end before the servers do. @throws the first that went wrong */
async function allEnded(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

interface OpenStage {
  run(seed: number, kinds: readonly AnyKind[]): Promise<RunResult>;
}

/** @param isShared the server of the tests does: nobody kills it */
async function openStage(form: Form, { onEnd }: CampaignOptions, isShared = false): Promise<OpenStage> {
  const disk = await SmallDisk.create(DISK_MEGABYTES);
  onEnd(() => disk.remove());
  const allowed = (kinds: readonly AnyKind[]) => (disk.isMounted ? kinds : kinds.filter((kind) => !NEEDS_DISK.includes(kind)));
  if (form === 'process') {
    const stage = isShared ? openSharedStage(disk, onEnd) : await openProcessStage(disk, onEnd);
    return { run: (seed, kinds) => runProcesses(drawPlan('process', seed, allowed(kinds) as Kind<'process'>[]), stage) };
  }
  let test: TestDatabase | undefined;
  onEnd(() => test?.drop());
  return {
    /** In a database of its own: what `verify` reads stays short. */
    async run(seed, kinds) {
      test = await createTestDatabase();
      const { url, database, drop } = test;
      const plan = drawPlan('in-process', seed, allowed(kinds) as Kind<'in-process'>[]);
      const result = await runInProcess(plan, { url, database, disk });
      test = undefined;
      await drop();
      return result;
    },
  };
}
