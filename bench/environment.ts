// Where a run took place, as far as others need it to judge the figures: no names, no paths.
import { availableParallelism, cpus } from 'node:os';
import { CAN_PIN } from './children.ts';

export interface Environment {
  readonly date: string;
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly isPinned: boolean;
}

export function describeEnvironment(): Environment {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    isPinned: CAN_PIN,
  };
}

/** Starts watching how busy the whole machine is; the returned function gives the share since then, 0 to 1. */
export function watchBusyShare(): () => number {
  const before = coreTimes();
  return () => {
    const after = coreTimes();
    return 1 - (after.idle - before.idle) / Math.max(1, after.total - before.total);
  };
}

function coreTimes(): { idle: number; total: number } {
  const times = cpus().map((core) => core.times);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  return { idle, total: times.reduce((sum, time) => sum + time.user + time.nice + time.sys + time.irq + time.idle, 0) };
}
