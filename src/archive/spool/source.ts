// Who writes: a source is one process, with an id that it drew itself and a file that says how to tell whether it still lives.
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { z } from 'zod';

/** What `source.json` says. */
export interface Source {
  readonly formatVersion: number;
  readonly sourceId: bigint;
  readonly service: string;
  readonly instance: string;
  readonly startedAt: string;
  readonly pid: number;
  /** Of the machine's running kernel; null where there is no /proc. */
  readonly bootId: string | null;
  /** Clock ticks from boot to the start of the process: a pid used again does not have the same. */
  readonly pidStartTime: string | null;
  readonly pidNamespace: string | null;
}

/** Of source.json. */
export const SOURCE_VERSION = 1;
/** A source whose process cannot be asked for counts as dead when its folder's heartbeat is older than this; `SourceHome` knows. */
const HEARTBEAT_STALE_MS = 30_000;

const sourceSchema = z.object({
  formatVersion: z.literal(SOURCE_VERSION),
  sourceId: z
    .string()
    .regex(/^\d{1,19}$/)
    .transform(BigInt),
  service: z.string(),
  instance: z.string(),
  startedAt: z.iso.datetime(),
  pid: z.int().positive(),
  bootId: z.string().nullable(),
  pidStartTime: z.string().nullable(),
  pidNamespace: z.string().nullable(),
});

/** A new source for this process, with 63 random bits as its id. */
export function createSource(options: { service: string; instance: string; startedAtMs: number }): Source {
  return {
    formatVersion: SOURCE_VERSION,
    sourceId: randomBytes(8).readBigUInt64BE() >> 1n,
    service: options.service,
    instance: options.instance,
    startedAt: new Date(options.startedAtMs).toISOString(),
    pid: process.pid,
    ...hostOf(process.pid),
  };
}

export function formatSource(source: Source): string {
  return `${JSON.stringify({ ...source, sourceId: String(source.sourceId) }, undefined, 2)}\n`;
}

/** @returns undefined when the text is no source of a version that we know */
export function parseSource(text: string): Source | undefined {
  try {
    return sourceSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The name of a source's folder in the spool. */
export function formatSourceId(sourceId: bigint): string {
  return sourceId.toString(16).padStart(16, '0');
}

/**
 * Whether the process that wrote is dead. In the same boot and pid namespace its pid tells, whatever the clocks say. From another boot or
 * namespace (another machine, a container beside us) it counts as dead when it was not heard of for too long: one that was only stopped
 * finds that its lease has lapsed, and goes on under a new id. A heartbeat from the future is as stale as one from the past: a clock was
 * set, and a living owner corrects it within seconds.
 * @param heartbeatAgeMs how long ago the owner touched its source.json
 */
export function isOwnerDead(source: Source, heartbeatAgeMs: number): boolean {
  const own = hostOf(process.pid);
  if (source.bootId !== own.bootId || source.pidNamespace !== own.pidNamespace) {
    return Math.abs(heartbeatAgeMs) > HEARTBEAT_STALE_MS;
  }
  if (source.pidStartTime !== null) return startTimeOf(source.pid) !== source.pidStartTime;
  return !isRunning(source.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function hostOf(pid: number): Pick<Source, 'bootId' | 'pidStartTime' | 'pidNamespace'> {
  return {
    bootId: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidStartTime: startTimeOf(pid),
    pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
  };
}

/** Field 22 of /proc/<pid>/stat, counted behind the command, which may hold spaces; null when there is no such process, or a dead one. */
function startTimeOf(pid: number): string | null {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isDead = fields?.[0] === 'Z' || fields?.[0] === 'X';
  return isDead ? null : (fields?.[19] ?? null);
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
