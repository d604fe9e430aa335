// The ledger goes back: the server is a standby that lagged, or was restored. What it forgot is archived again, from the segments that are
// kept for the grace time, to the very same ids.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive, listWaiting, type TestArchive } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Archive, when the ledger goes back', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let admin: Database;
  let spool: ReturnType<typeof createSpoolDir>;
  let lines: { message: string; fields: object }[];
  before(async () => {
    test = await createTestDatabase();
    admin = createDatabase({ url: Object.assign(new URL(test.url), { pathname: '/postgres' }).href, max: 1 });
  });
  beforeEach(() => {
    spool = createSpoolDir();
    lines = [];
  });
  afterEach(() => spool.remove());
  after(async () => {
    await closeDatabase(admin);
    await test.drop();
  });

  const note = (fields: object, message: string) => lines.push({ fields, message });
  const logger = { debug: note, info: note, warn: note, error: note };
  const create = (options = {}) => createTestArchive(test.database, spool.path, { logger, ...options });
  const name = () => new URL(test.url).pathname.slice(1);
  const folderOf = ({ archive }: TestArchive) => join(spool.path, formatSourceId(archive.sourceId));
  const acknowledged = (made: TestArchive) => readdirSync(folderOf(made)).filter((file) => file.endsWith('.ack'));
  const replays = () => lines.filter(({ message }) => message.includes('went back')).map(({ fields }) => fields);

  async function record({ archive, tracker }: TestArchive, events: number, failures = 0): Promise<void> {
    tracker.record(...Array.from({ length: events }, () => ({})));
    tracker.record(...Array.from({ length: failures }, () => ({ lane: 'keep' as const, status: 'failure' as const })));
    await archive.flush();
  }

  async function idsOf(sourceId: bigint): Promise<string[]> {
    const rows = await test.database.any<{ id: string }>(
      'select id from keepwatch.observability_metrics where source_id = $1 order by id',
      [sourceId],
    );
    return rows.map(({ id }) => id);
  }

  async function assertProved({ archive }: TestArchive) {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    const lanes = report.sources.filter(({ sourceId }) => sourceId === String(archive.sourceId));
    assert.deepEqual(
      report.sources.flatMap((source) => source.problems),
      [],
    );
    assert.ok(lanes.length > 0);
    return lanes;
  }

  /** Ends all sessions until `work`, which needs the database for itself, succeeds. */
  async function alone(work: string): Promise<void> {
    await waitFor(async () => {
      await admin.any('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name()]);
      await admin.none(work);
      return true;
    });
  }

  const backUp = () => alone(`create database ${name()}_copy template ${name()}`);

  /** The server is what it was when it was backed up. */
  async function restore(): Promise<void> {
    await alone(`alter database ${name()} rename to ${name()}_lost`);
    await admin.none(`alter database ${name()}_copy rename to ${name()}`);
    await admin.none(`drop database ${name()}_lost with (force)`);
  }

  it('archives again what a restored copy has forgotten: the same ids, one line, and no count twice', async () => {
    const made = create();
    const { sourceId } = made.archive;
    await record(made, 100, 10);
    await backUp();
    await record(made, 100);
    await record(made, 100, 10);
    await record(made, 100);
    const before = await idsOf(sourceId);
    assert.equal(before.length, 420);
    await restore();
    assert.equal((await idsOf(sourceId)).length, 110);
    await record(made, 50);
    const after = await idsOf(sourceId);
    assert.deepEqual(
      after.filter((id) => before.includes(id)),
      before,
    );
    assert.equal(after.length, 470);
    assert.deepEqual(replays(), [{ source_id: formatSourceId(sourceId), events: 310, lost: 0 }]);
    assert.equal(made.archive.stats().archived, 470);
    await assertProved(made);
    await made.archive.stop({ timeoutMs: 5000 });
    assert.equal(new Set(await idsOf(sourceId)).size, 470);
  });

  it('does so by itself, when nothing more is recorded', async () => {
    const made = create();
    await backUp();
    await record(made, 30);
    const before = await idsOf(made.archive.sourceId);
    await restore();
    await made.archive.flush();
    assert.deepEqual(await idsOf(made.archive.sourceId), before);
    await made.archive.stop({ timeoutMs: 5000 });
    await assertProved(made);
  });

  it('registers a source anew that the server has never heard of', async () => {
    const made = create();
    const { sourceId } = made.archive;
    await record(made, 20, 5);
    await record(made, 20);
    const before = await idsOf(sourceId);
    for (const table of ['observability_metrics', 'ledger', 'sources']) {
      await test.database.none('delete from keepwatch.$<table:name> where source_id = $<sourceId>', { table, sourceId });
    }
    await record(made, 1);
    assert.equal((await idsOf(sourceId)).filter((id) => before.includes(id)).length, 45);
    assert.deepEqual(replays(), [{ source_id: formatSourceId(sourceId), events: 45, lost: 0 }]);
    await made.archive.stop({ timeoutMs: 5000 });
    await assertProved(made);
  });

  it('never moves the mark over what the ledger has forgotten, also when it goes back between its answer and the commit', async () => {
    let setBack: (() => Promise<void>) | undefined;
    const database = Object.assign(Object.create(test.database), {
      connect: async (...given: Parameters<Database['connect']>) => {
        const work = setBack;
        setBack = undefined;
        await work?.();
        return await test.database.connect(...given);
      },
    }) as Database;
    const made = createTestArchive(database, spool.path, { logger });
    const { sourceId } = made.archive;
    await record(made, 10);
    await record(made, 10);
    setBack = async () => {
      await test.database.none('delete from keepwatch.observability_metrics where source_id = $1', [sourceId]);
      await test.database.none(
        'update keepwatch.ledger set segment = 0, batch = 0, recorded = 0, archived = 0 where source_id = $1',
        [sourceId],
      );
    };
    await record(made, 10);
    assert.equal(setBack, undefined);
    await made.archive.flush();
    assert.equal((await idsOf(sourceId)).length, 30);
    const [lane] = await assertProved(made);
    assert.deepEqual(lane?.dropped, {});
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('counts what is lost by the restore, when its segments are gone, also when no other event follows', async () => {
    const made = create();
    await record(made, 10);
    await backUp();
    await record(made, 7);
    await record(made, 5);
    rmSync(join(folderOf(made), 'rest-0000000002.ack'));
    await restore();
    await made.archive.flush();
    assert.equal((await idsOf(made.archive.sourceId)).length, 15);
    const [lane] = await assertProved(made);
    assert.deepEqual([lane?.recorded, lane?.archived, lane?.dropped], [22, 15, { restore: 7 }]);
    await backUp();
    await record(made, 3);
    for (const file of acknowledged(made)) rmSync(join(folderOf(made), file));
    await restore();
    await waitFor(async () => {
      await made.archive.flush();
      return made.archive.stats().dropped.restore === 10;
    });
    const [after] = await assertProved(made);
    assert.deepEqual([after?.recorded, after?.archived, after?.dropped], [25, 15, { restore: 10 }]);
    assert.deepEqual(
      replays().map((fields) => (fields as { lost: number }).lost),
      [7, 3],
    );
    await made.archive.stop({ timeoutMs: 5000 });
  });

  it('gives acknowledged segments a quarter of the spool, and nothing of what events need', async () => {
    const made = create({ spoolMaxBytes: 400_000 });
    for (let round = 0; round < 10; round++) await record(made, 100);
    const sizes = acknowledged(made).map((file) => statSync(join(folderOf(made), file)).size);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(bytes <= 100_000 && bytes > 100_000 - 2 * (sizes[0] ?? 0), `${bytes} bytes`);
    assert.equal(made.archive.stats().archived, 1000);
    assert.deepEqual(made.archive.stats().dropped, {});
    await made.archive.stop({ timeoutMs: 5000 });
  });

  describe('of a dead process', () => {
    const drain = () =>
      drainLeftovers({ database: test.database, partitions: createPartitions(test.database), spoolDir: spool.path, logger });

    function disown(made: TestArchive): void {
      const path = join(folderOf(made), 'source.json');
      writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), pidStartTime: '1' }));
    }

    it('archives again what it had acknowledged, closes it again, and removes its folder after the grace time', async () => {
      const made = create();
      const { sourceId } = made.archive;
      await record(made, 10, 2);
      await backUp();
      await record(made, 10, 2);
      await record(made, 10);
      await made.archive.stop({ timeoutMs: 5000 });
      assert.deepEqual(listWaiting(spool.path), []);
      disown(made);
      const before = await idsOf(sourceId);
      await drain();
      assert.deepEqual(replays(), []);
      await restore();
      await drain();
      assert.deepEqual(await idsOf(sourceId), before);
      assert.deepEqual(replays(), [{ source_id: formatSourceId(sourceId), events: 22, lost: 0 }]);
      const lanes = await assertProved(made);
      assert.ok(lanes.every(({ closed }) => closed));
      for (const file of acknowledged(made)) utimesSync(join(folderOf(made), file), 0, 0);
      await drain();
      assert.equal(existsSync(folderOf(made)), false);
    });

    it('is kept for 300 s, and as long as the ledger cannot be asked', async () => {
      const made = create();
      await record(made, 1);
      await record(made, 1);
      await made.archive.stop({ timeoutMs: 5000 });
      disown(made);
      const age = (file: string, seconds: number) => {
        const at = Date.now() / 1000 - seconds;
        utimesSync(join(folderOf(made), file), at, at);
      };
      const [first = '', second = ''] = acknowledged(made);
      age(first, 301);
      age(second, 290);
      await test.database.none('alter table keepwatch.ledger rename to hidden');
      await assert.rejects(drain());
      assert.deepEqual(acknowledged(made), [first, second]);
      await test.database.none('alter table keepwatch.hidden rename to ledger');
      await drain();
      assert.deepEqual(acknowledged(made), [second]);
      age(second, 301);
      await drain();
      assert.equal(existsSync(folderOf(made)), false);
    });

    it('is left alone while its process lives', async () => {
      const made = create();
      await record(made, 10);
      await made.archive.stop({ timeoutMs: 5000 });
      for (const file of acknowledged(made)) utimesSync(join(folderOf(made), file), 0, 0);
      await drainLeftovers({
        database: test.database,
        partitions: createPartitions(test.database),
        spoolDir: spool.path,
        logger: silentLogger,
      });
      assert.equal(acknowledged(made).length, 1);
    });
  });
});
