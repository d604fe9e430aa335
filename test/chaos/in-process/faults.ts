// The faults of in-process runs: each does its harm and leaves with the world how it is healed.
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../../demo/random.ts';
import { drainSegments } from '../../../src/archive/drain/drain.ts';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { GRACE_MS } from '../../../src/archive/spool/acknowledged.ts';
import { listSegments, listSources } from '../../../src/archive/spool/spool-folder.ts';
import { SPOOL_LANES } from '../../../src/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { Break, Loss } from '../../support/tcp-proxy.ts';
import { damageSegment, type Harm } from '../damage.ts';
import { copyTables, putTablesBack } from '../database-copy.ts';
import type { Kind, Step } from '../plan.ts';
import type { App } from './app.ts';
import { rewriteSource, sourceFolders } from './source-files.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly world: World;
  readonly app: App;
  readonly step: Step<'in-process'>;
  readonly random: Random;
}

/** @returns false when there was nothing that it could happen to */
type Fault = (scene: Scene) => Promise<boolean>;

/** Bytes of a flush of some events: a break amid them mostly happens. */
const FLUSH_BYTES = { client: 8000, server: 1500 } as const;
/** Nothing is left to be archived again. */
const FROM_MEMORY = 'what the disk refused was archived from memory';
const SUSPENDED_MS = 60_000;
const CLOCK_JUMPS_MS = [-86_400_000, -40_000, 15_000, 40_000, 86_400_000] as const;

export const FAULTS: Readonly<Record<Kind<'in-process'>, Fault>> = {
  cut: (scene) => breakConnection(scene, 'cut'),
  stall: (scene) => breakConnection(scene, 'stall'),
  'half-close': (scene) => breakConnection(scene, 'half'),
  'lost-commit': loseCommit,
  terminate: terminateBackends,
  lock: lockLedger,
  crash: async ({ world, app }) => {
    await world.crash(app);
    return true;
  },
  rival: drainBeside,
  'disk-full': fillDisk,
  'read-only': makeReadOnly,
  flip: (scene) => damage(scene, 'flip'),
  truncate: (scene) => damage(scene, 'truncate'),
  zero: (scene) => damage(scene, 'zero'),
  clock: jumpClock,
  suspend,
  'went-back': goBack,
};

/** Plays the step: the work of all apps, and the fault amid it. @returns whether the fault happened */
export async function playStep(world: World, step: Step<'in-process'>): Promise<boolean> {
  const app = world.app(step.app);
  const random = createRandom(step.seed);
  for (const each of world.apps) {
    each.record(step.events);
    if (random.below(2) === 0) each.collect();
  }
  const flush = () => world.apps.map((each) => each.flush());
  const first = step.leadMs >= 0 ? flush() : [];
  if (step.leadMs > 0) await sleep(step.leadMs);
  const hasHappened = await FAULTS[step.kind]({ world, app, step, random });
  if (step.leadMs < 0) await sleep(-step.leadMs);
  for (const each of world.apps) each.record(1 + random.below(20));
  const second = flush();
  // Others look after what dead apps left, by the same way to Postgres.
  const adopted = [world.drainLeft(app.database), world.drainLeft(world.database)].map((each) => each.catch(() => {}));
  await sleep(step.lastMs);
  if (random.below(4) > 0) await world.heal(); // otherwise the next fault comes on top
  await Promise.all([...first, ...second, ...adopted]);
  await world.watermarks.look();
  return hasHappened;
}

async function breakConnection({ world, app, random }: Scene, how: Break['how']): Promise<boolean> {
  const from = random.below(3) === 0 ? 'server' : 'client';
  let isBroken = false;
  void app.proxy.breakAt({ from, bytes: random.below(FLUSH_BYTES[from]), how }).then(() => {
    isBroken = true;
  });
  world.onHeal(() => {
    if (!isBroken) app.proxy.cut();
    app.proxy.up();
  });
  return true;
}

async function loseCommit({ world, app, random }: Scene): Promise<boolean> {
  const loss = random.pick<Loss>(['request', 'answer', 'answer', 'late']);
  void app.proxy.lose(loss, 'PGCOPY');
  world.onHeal(() => app.proxy.up());
  return true;
}

async function terminateBackends({ world, app, random }: Scene): Promise<boolean> {
  await sleep(random.below(12));
  const { ended } = await world.database.one<{ ended: number }>(
    'select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity where application_name = $<name>',
    { name: `${world.service} ${app.name}` },
  );
  return ended > 0;
}

/** Somebody else holds the rows of the ledger for longer than an answer is waited for, or a little less. */
async function lockLedger({ world, random }: Scene): Promise<boolean> {
  const lastMs = random.below(700);
  const held = world.database.tx(async (transaction) => {
    await transaction.any(
      'select from keepwatch.ledger join keepwatch.sources using (source_id) where service = $<service> for update of ledger',
      { service: world.service },
    );
    await sleep(lastMs);
  });
  world.onHeal(async () => {
    await held;
  });
  return true;
}

/** A second drainer on the segments of a living process; it takes open ones, too. */
async function drainBeside({ world, app, random }: Scene): Promise<boolean> {
  const { database } = world;
  if (random.below(3) === 0) return lookFromBeside(world, app);
  const context = {
    database,
    partitions: createPartitions(database),
    spoolDir: app.spoolDir,
    logger: silentLogger,
    batchRows: 1 + random.below(2000),
    otherLanesMs: -Infinity,
  };
  let segments = 0;
  for (const { path, source } of await listSources(app.spoolDir, Date.now())) {
    for (const lane of SPOOL_LANES) {
      const listed = await listSegments(path, lane);
      segments += listed.length;
      await drainSegments(source, lane, listed, context);
    }
  }
  return segments > 0;
}

/** A neighbour looks for what dead processes left, and finds a living one. */
async function lookFromBeside(world: World, app: App): Promise<boolean> {
  const { sourceId } = app.archive;
  const { database } = world;
  const context = { database, partitions: createPartitions(database), spoolDir: app.spoolDir, logger: silentLogger };
  await drainLeftovers(context);
  const source = await database.oneOrNone<{ closed: boolean }>('select closed from keepwatch.sources where source_id = $1', [
    sourceId,
  ]);
  if (source?.closed === true && app.archive.sourceId === sourceId && !world.hasSuspended) {
    throw new Error(`${app.name} lives, and a neighbour has closed its source`);
  }
  return true;
}

async function fillDisk({ world, random }: Scene): Promise<boolean> {
  if (!world.disk.isMounted || !world.disk.fill(random.below(3) === 0 ? 0 : random.below(40_000))) return false;
  world.evidence.graceEnded = FROM_MEMORY;
  world.onHeal(() => world.disk.free());
  return true;
}

async function makeReadOnly({ world }: Scene): Promise<boolean> {
  if (!world.disk.isMounted) return false;
  for (let attempt = 0; attempt < 5; attempt++) {
    await Promise.all(world.apps.map((app) => app.flush()));
    if (!(await world.disk.makeReadOnly())) continue;
    world.evidence.graceEnded = FROM_MEMORY;
    world.onHeal(() => world.disk.makeWritable());
    return true;
  }
  return false;
}

/** While Postgres is away, so that there is something to harm. */
async function damage({ world, app, random }: Scene, harm: Harm): Promise<boolean> {
  app.proxy.down();
  world.onHeal(() => app.proxy.up());
  await app.flush();
  app.record(1 + random.below(50));
  if (random.below(2) === 0) await app.flush();
  const harmed = damageSegment(app.spoolDir, harm, random);
  if (harmed !== undefined) world.evidence.markDestroyed(harmed.tags);
  app.proxy.up();
  return harmed !== undefined;
}

async function jumpClock({ world, random }: Scene): Promise<boolean> {
  const jumpMs = random.pick(CLOCK_JUMPS_MS);
  world.wall.shiftMs += jumpMs;
  if (Math.abs(jumpMs) > GRACE_MS) world.evidence.graceEnded = 'the clock was set by more than the grace time';
  return true;
}

/**
 * The machine of an app is suspended for a minute; another one, that shares its disk, takes it for dead and adopts what it wrote. Then it
 * goes on as if nothing had been.
 */
async function suspend({ world, app, random }: Scene): Promise<boolean> {
  const folders = sourceFolders(app.spoolDir);
  world.hasSuspended = true;
  for (const folder of folders) rewriteSource(folder, { bootId: 'of another machine' });
  world.wall.shiftMs += SUSPENDED_MS;
  const { database } = random.below(2) === 0 ? world : app;
  const context = { database, partitions: createPartitions(world.database), spoolDir: app.spoolDir, logger: silentLogger };
  await drainLeftovers(context).catch(() => {}); // the way to Postgres may be broken
  return folders.length > 0;
}

/** A standby is promoted that has not heard of what was committed last. */
async function goBack({ world, random }: Scene): Promise<boolean> {
  const { database, service } = world;
  await copyTables(database, service);
  for (let round = random.below(4); round >= 0; round--) {
    for (const app of world.apps) app.record(1 + random.below(100));
    await Promise.all(world.apps.map((app) => app.flush()));
  }
  for (const { proxy } of world.apps) proxy.down();
  await putTablesBack(database, service);
  world.watermarks.forget();
  for (const { proxy } of world.apps) proxy.up();
  return true;
}
