// The faults of process runs: real kills, real frozen processes, a real server that goes away.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../../demo/random.ts';
import { GRACE_MS } from '../../../src/archive/spool/acknowledged.ts';
import { sqlState } from '../../../src/db/database.ts';
import { startKeepwatch } from '../../support/process.ts';
import type { Break, Loss } from '../../support/tcp-proxy.ts';
import { damageSegment, HARMS } from '../damage.ts';
import { copyTables, putTablesBack } from '../database-copy.ts';
import type { Kind, Step } from '../plan.ts';
import { segmentFiles } from '../segment-bytes.ts';
import { untilUp } from './stage.ts';
import type { Slot, World } from './world.ts';

interface Scene {
  readonly world: World;
  readonly slot: Slot;
  readonly step: Step<'process'>;
  readonly random: Random;
}

/** @returns false when there was nothing that it could happen to */
type Fault = (scene: Scene) => Promise<boolean>;

/** What an app and Postgres say to each other in a second or so. */
const SECOND_BYTES = { client: 200_000, server: 4000 } as const;
const LOCK_NOT_AVAILABLE = '55P03';
/** Others adopt what was not touched for 30 s. */
const LEASE_MS = 31_000;
/** Nothing is left to be archived again. */
const FROM_MEMORY = 'what the disk refused was archived from memory';
const CLOCK_JUMPS_MS = [-86_400_000, -40_000, 15_000, 40_000, 86_400_000] as const;

export const FAULTS: Readonly<Record<Kind<'process'>, Fault>> = {
  'kill-app': async ({ world, slot }) => {
    await world.crash(slot);
    return true;
  },
  'kill-backend': killBackend,
  'kill-postmaster': killPostmaster,
  freeze,
  cut: (scene) => breakConnection(scene, 'cut'),
  stall: (scene) => breakConnection(scene, 'stall'),
  'half-close': (scene) => breakConnection(scene, 'half'),
  'lost-commit': loseCommit,
  'disk-full': fillDisk,
  'read-only': makeReadOnly,
  damage,
  clock: async ({ world, slot, random }) => {
    const jumpMs = random.pick(CLOCK_JUMPS_MS);
    slot.app.tell(`clock ${jumpMs}`);
    if (Math.abs(jumpMs) > GRACE_MS) world.evidence.graceEnded = 'the clock was set by more than the grace time';
    return true;
  },
  'second-drainer': drainBeside,
  outsleep,
  'went-back': goBack,
};

/** Plays the step while the apps record. @returns whether the fault happened */
export async function playStep(world: World, step: Step<'process'>): Promise<boolean> {
  const random = createRandom(step.seed);
  const slot = world.slot(step.app);
  await slot.app.ready();
  await sleep(step.leadMs);
  const hasHappened = await FAULTS[step.kind]({ world, slot, step, random });
  await sleep(step.lastMs);
  if (random.below(4) > 0) await world.heal(); // otherwise the next fault comes on top
  await world.look();
  return hasHappened;
}

async function killBackend({ world, random }: Scene): Promise<boolean> {
  const { server } = world.stage;
  const backends = await world.database
    .any<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name like 'keepwatch %'`,
    )
    .catch(() => []);
  if (server === undefined || backends.length === 0) return false;
  server.killBackend(random.pick(backends).pid);
  return true;
}

async function killPostmaster({ world }: Scene): Promise<boolean> {
  const { server } = world.stage;
  if (server === undefined) return false;
  await world.heal(); // one server can be killed once
  await server.kill();
  world.onHeal(() => server.start());
  return true;
}

/** SIGSTOP for less than its lease; meanwhile another looks for orphans, and must leave its segments alone. */
async function freeze({ world, slot, step }: Scene): Promise<boolean> {
  const { app } = slot;
  app.signal('SIGSTOP');
  world.onHeal(() => app.signal('SIGCONT'));
  await sleep(step.lastMs);
  return true;
}

async function breakConnection({ world, slot, random }: Scene, how: Break['how']): Promise<boolean> {
  const from = random.below(3) === 0 ? 'server' : 'client';
  let isBroken = false;
  void slot.proxy.breakAt({ from, bytes: random.below(SECOND_BYTES[from]), how }).then(() => {
    isBroken = true;
  });
  world.onHeal(() => {
    if (!isBroken || how === 'stall') slot.proxy.cut();
    slot.proxy.up();
  });
  return true;
}

async function loseCommit({ world, slot, random }: Scene): Promise<boolean> {
  void slot.proxy.lose(random.pick<Loss>(['request', 'answer', 'answer', 'late']), 'PGCOPY');
  world.onHeal(() => slot.proxy.up());
  return true;
}

async function fillDisk({ world, random }: Scene): Promise<boolean> {
  if (!world.stage.disk.fill(random.below(3) === 0 ? 0 : random.below(200_000))) return false;
  world.evidence.graceEnded = FROM_MEMORY;
  world.onHeal(() => world.stage.disk.free());
  return true;
}

/** The kernel refuses while a file is open for writing: between two segments of all apps is the moment. */
async function makeReadOnly({ world }: Scene): Promise<boolean> {
  const frozen = world.slots.map(({ app }) => app);
  for (let attempt = 0; attempt < 40; attempt++) {
    for (const app of frozen) app.signal('SIGSTOP');
    const isDone = await world.stage.disk.makeReadOnly();
    for (const app of frozen) app.signal('SIGCONT');
    if (isDone) {
      world.evidence.graceEnded = FROM_MEMORY;
      world.onHeal(() => world.stage.disk.makeWritable());
      return true;
    }
    await sleep(25);
  }
  return false;
}

/** While Postgres is away and the apps are frozen, so that there is something to harm, and nobody writes to it. */
async function damage({ world, random }: Scene): Promise<boolean> {
  for (const { proxy } of world.slots) proxy.down();
  await sleep(600);
  const apps = world.slots.map(({ app }) => app);
  for (const app of apps) app.signal('SIGSTOP');
  await sleep(20);
  const harmed = damageSegment(world.spoolDir, random.pick(HARMS), random);
  if (harmed !== undefined) world.evidence.markDestroyed(harmed.tags);
  for (const app of apps) app.signal('SIGCONT');
  for (const { proxy } of world.slots) proxy.up();
  return harmed !== undefined;
}

async function drainBeside({ world }: Scene): Promise<boolean> {
  const drainer = startKeepwatch(['spool', 'drain'], {
    env: { DATABASE_URL: world.url, KEEPWATCH_SPOOL_DIR: world.spoolDir, KEEPWATCH_SERVICE: world.service },
  });
  world.onHeal(async () => {
    await drainer.exited;
  });
  return true;
}

/**
 * An app in a pid namespace of its own is frozen for longer than its lease; from outside it is taken for dead, and what it wrote is adopted,
 * while it sleeps and when it has woken up.
 */
async function outsleep({ world, slot, random }: Scene): Promise<boolean> {
  const { app } = slot;
  // Mostly with something to adopt.
  if (random.below(3) > 0) slot.proxy.down();
  await sleep(1000);
  app.signal('SIGSTOP');
  const before = segmentFiles(world.spoolDir).length;
  const sources = () => readdirSync(world.spoolDir).length;
  const folders = sources();
  await sleep(LEASE_MS);
  await adopt(world);
  const isAdopted = sources() < folders || segmentFiles(world.spoolDir).length < before;
  app.signal('SIGCONT');
  slot.proxy.up();
  await adopt(world);
  await sleep(1500);
  return isAdopted;
}

/** An owner that was frozen amid a transaction holds its mark: who meets that lock leaves the rest for another time. */
async function adopt(world: World): Promise<void> {
  await world.drainLeft().catch((error: unknown) => {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
  });
}

/** A standby is promoted that has not heard of the last second or so. */
async function goBack({ world, step }: Scene): Promise<boolean> {
  const { database, service } = world;
  await world.heal();
  await untilUp(database);
  await copyTables(database, service);
  await sleep(step.lastMs);
  for (const { proxy } of world.slots) proxy.down();
  await putTablesBack(database, service);
  world.watermarks.forget();
  for (const { proxy } of world.slots) proxy.up();
  return true;
}
