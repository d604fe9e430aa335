// Where process runs take place: a disk, and a Postgres server, of their own where it is to be killed.
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { makeMemoryFolder } from '../../support/memory-folder.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createPostgresServer, type PostgresServer } from '../../support/postgres-server.ts';
import { findTool } from '../../support/tools.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { SmallDisk } from '../small-disk.ts';

const TEMPLATE = 'keepwatch_template';

export interface ProcessStage {
  /** Undefined: it is shared, and must live. */
  readonly server: PostgresServer | undefined;
  readonly disk: SmallDisk;
  readonly onEnd: (release: () => Promise<void> | void) => void;
  /** A new migrated database. @returns its URL, as superuser */
  createDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
}

/** On the server of the tests. */
export function openSharedStage(disk: SmallDisk, onEnd: ProcessStage['onEnd']): ProcessStage {
  const databases = new Map<string, TestDatabase>();
  const drop = async (name: string) => {
    const test = databases.get(name);
    databases.delete(name);
    await test?.drop();
  };
  onEnd(async () => {
    for (const name of databases.keys()) await drop(name);
  });
  return {
    server: undefined,
    disk,
    onEnd,
    async createDatabase(name) {
      const test = await createTestDatabase();
      databases.set(name, test);
      return test.url;
    },
    dropDatabase: drop,
  };
}

/** @throws Error when Debian's Postgres is not installed */
export async function openProcessStage(disk: SmallDisk, onEnd: ProcessStage['onEnd']): Promise<ProcessStage> {
  const binary = findTool('postgres');
  if (binary === undefined) throw new Error('process faults need a server that may be killed: apt-get install postgresql-15');
  const server = await createPostgresServer(binary, makeMemoryFolder());
  onEnd(() => server.remove());
  const urlOf = (name: string) => Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  const asAdmin = async (work: (admin: Database) => Promise<unknown>) => {
    const admin = createDatabase({ url: server.url, max: 1 });
    try {
      await untilUp(admin);
      await work(admin);
    } finally {
      await closeDatabase(admin);
    }
  };
  await asAdmin((admin) => admin.none('create database $<name:name>', { name: TEMPLATE }));
  const template = createDatabase({ url: urlOf(TEMPLATE), max: 1 });
  await migrate(template);
  await closeDatabase(template);
  return {
    server,
    disk,
    onEnd,
    async createDatabase(name) {
      await asAdmin((admin) =>
        admin.none('create database $<name:name> template $<template:name>', { name, template: TEMPLATE }),
      );
      return urlOf(name);
    },
    dropDatabase: (name) => asAdmin((admin) => admin.none('drop database if exists $<name:name> with (force)', { name })),
  };
}

/** Resolves when Postgres answers: after a crash it recovers first. */
export async function untilUp(database: Database): Promise<void> {
  await waitFor(() => database.one('select true as up'), { timeoutMs: 30_000, what: 'Postgres to answer' });
}
