// What somebody may have put in a spool: each is set aside and counted once, and everything else is archived.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { FORMAT_VERSION, headerCrc, SEGMENT_PREFIX_BYTES } from '../../../src/archive/segments/segment-format.ts';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { measureSuspect } from '../../../src/archive/spool/spool-folder.ts';
import { listSpool, verifySpool } from '../../../src/archive/spool/spool-inspection.ts';
import { repairSpool } from '../../../src/archive/spool/spool-repair.ts';
import { silentLogger } from '../../../src/logger.ts';
import { useArchiveSite } from '../../support/archive-site.ts';
import type { ArrayEvent } from '../../support/array-batch.ts';
import type { TestArchive } from '../../support/test-archive.ts';

const NOBODY = 65_534;

/** Puts something at `path`, in a folder that has segments 1 and 2 of `rest`. @returns what takes it away, where the test has to */
type Plant = (path: string, folder: string) => void | Promise<() => void>;

const STRANGERS: Readonly<Record<string, Plant>> = {
  'a folder': (path) => void mkdirSync(join(path, 'in', 'it'), { recursive: true }),
  'a named pipe': (path) => void execFileSync('mkfifo', [path]),
  'a socket': async (path) => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(path, done));
    return () => void server.close();
  },
  'a link to /etc/passwd': (path) => symlinkSync('/etc/passwd', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a link to a folder': (path) => symlinkSync('/', path),
  'a link to another segment': (path, folder) => symlinkSync(join(folder, 'rest-0000000001.seg'), path),
  'a device': (path) => void execFileSync('mknod', [path, 'c', '1', '5']),
  'a file of 3 GB that takes no room': (path) => {
    writeFileSync(path, 'KWSG');
    truncateSync(path, 3e9);
  },
  'an empty file': (path) => writeFileSync(path, ''),
  'a text': (path) => writeFileSync(path, 'x'.repeat(1000)),
  'a copy of a segment under another number': (path, folder) => copyFileSync(join(folder, 'rest-0000000001.seg'), path),
};

describe('Archive, with strangers in its spool', function () {
  this.timeout(30_000);
  const site = useArchiveSite();
  let said: string[];
  const logger = { ...silentLogger, error: (_fields: object, message: string) => void said.push(message) };
  beforeEach(() => {
    said = [];
  });

  /** A process with three sealed segments of 10 events in each lane, which it cannot archive. */
  async function fill(): Promise<TestArchive> {
    const made = site.create({ logger });
    site.proxy.down();
    for (let segment = 0; segment < 3; segment++) {
      made.tracker.record(...Array.from({ length: 20 }, (_, index): ArrayEvent => ({ lane: index < 10 ? 'keep' : 'rest' })));
      await made.archive.flush();
    }
    site.proxy.up();
    return made;
  }

  /** Makes its owner look dead. */
  function disown(made: TestArchive): void {
    const path = join(site.folderOf(made), 'source.json');
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), bootId: 'another' }));
    utimesSync(path, 0, 0);
  }

  const drain = () =>
    drainLeftovers({ database: site.database, partitions: createPartitions(site.database), spoolDir: site.spoolDir, logger });

  /** @returns what the ledger says of the process, in all lanes */
  async function counted({ archive }: TestArchive) {
    const { sources } = await site.verify();
    const own = sources.filter(({ sourceId }) => sourceId === String(archive.sourceId));
    assert.deepEqual(
      own.flatMap(({ problems }) => problems),
      [],
    );
    const sum = (of: (lane: (typeof own)[number]) => number) => own.reduce((total, lane) => total + of(lane), 0);
    return {
      recorded: sum(({ recorded }) => recorded),
      archived: sum(({ archived }) => archived),
      damaged: sum(({ dropped }) => dropped['damaged'] ?? 0),
    };
  }

  for (const [what, plant] of Object.entries(STRANGERS)) {
    it(`in the place of a segment of a dead process: ${what}`, async () => {
      const made = await fill();
      disown(made);
      const path = join(site.folderOf(made), 'rest-0000000002.seg');
      rmSync(path);
      const remove = await plant(path, site.folderOf(made));
      try {
        const rssBefore = process.memoryUsage.rss();
        const [broken] = (await verifySpool(site.spoolDir)).filter(({ problems }) => problems.length > 0);
        assert.match(broken?.problems.join() ?? '', /rest-0000000002\.seg: /);
        assert.match((await repairSpool(site.spoolDir, { isDryRun: true })).map(({ action }) => action).join(), /^$|no segment/);
        await drain();
        assert.ok(process.memoryUsage.rss() - rssBefore < 100e6, 'bounded memory');
        assert.deepEqual(await counted(made), { recorded: 60, archived: 50, damaged: 10 });
        assert.deepEqual((await measureSuspect(site.spoolDir)).files, 1);
        assert.equal(said.length, 1);
        assert.match(said[0] ?? '', /^a file in the spool is set aside: /);
        assert.deepEqual(await listSpool(site.spoolDir), []);
        await drain();
        assert.equal(said.length, 1, 'once');
      } finally {
        remove?.();
      }
    });

    it(`in the folder of this process, before all segments: ${what}`, async () => {
      const made = await fill();
      const remove = await plant(join(site.folderOf(made), 'rest-0000000000.seg'), site.folderOf(made));
      try {
        await made.archive.flush();
        assert.deepEqual(await counted(made), { recorded: 60, archived: 60, damaged: 0 });
        assert.deepEqual((await measureSuspect(site.spoolDir)).files, 1);
        made.tracker.record({});
        await made.archive.flush();
        assert.deepEqual(made.archive.stats().reasons, []);
        assert.equal(said.length, 1);
        await made.archive.stop({ timeoutMs: 5000 });
        assert.deepEqual(await counted(made), { recorded: 61, archived: 61, damaged: 0 });
      } finally {
        remove?.();
      }
    });
  }

  it('behind all segments, under numbers that are none of its own, and with names that mean nothing', async () => {
    const made = await fill();
    disown(made);
    const other = await fill();
    const names = ['rest-9999999999.seg', 'rest-00000000001.seg', 'rest-1.seg', 'keep-0000000009.open', 'core', '.hidden', '-rf'];
    for (const name of names) copyFileSync(join(site.folderOf(other), 'rest-0000000002.seg'), join(site.folderOf(made), name));
    mkdirSync(join(site.folderOf(made), 'sub'));
    await drain();
    assert.deepEqual(await counted(made), { recorded: 60, archived: 60, damaged: 0 });
    assert.equal((await measureSuspect(site.spoolDir)).files, names.length + 1);
    await other.archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(await counted(other), { recorded: 60, archived: 60, damaged: 0 });
  });

  function makeNewer(path: string): void {
    const bytes = readFileSync(path);
    const end = SEGMENT_PREFIX_BYTES + bytes.readUInt32BE(8);
    bytes.writeUInt16BE(FORMAT_VERSION + 1, 4);
    bytes.writeUInt32BE(headerCrc(bytes.subarray(0, end)), 12);
    writeFileSync(path, bytes);
  }

  it('waits for nobody in the folder of this process: what says that a newer version wrote it is set aside', async () => {
    const made = await fill();
    makeNewer(join(site.folderOf(made), 'keep-0000000002.seg'));
    await made.archive.flush();
    await made.archive.stop({ timeoutMs: 5000 });
    assert.equal(made.archive.stats().spoolEvents, 0);
    assert.deepEqual(await counted(made), { recorded: 60, archived: 50, damaged: 10 });
    assert.match(said.join(), /set aside: it says that a newer version has written it/);
  });

  it('leaves a segment of a newer version where it is, and drains the other lane', async () => {
    const made = await fill();
    disown(made);
    makeNewer(join(site.folderOf(made), 'keep-0000000002.seg'));
    for (let attempt = 0; attempt < 2; attempt++) {
      await drain();
      const { rows } = await site.database.one<{ rows: number }>(
        'select count(*)::int as rows from keepwatch.observability_metrics where source_id = $1',
        [made.archive.sourceId],
      );
      assert.equal(rows, 40);
      assert.ok(readdirSync(site.folderOf(made)).includes('keep-0000000002.seg'));
    }
    const [spooled] = await verifySpool(site.spoolDir);
    assert.match(spooled?.problems.join() ?? '', /written by a newer version/);
  });

  const SOURCE_FILES: Readonly<Record<string, (path: string) => void>> = {
    'a folder': (path) => mkdirSync(path),
    'a named pipe': (path) => void execFileSync('mkfifo', [path]),
    'a link to /dev/zero': (path) => symlinkSync('/dev/zero', path),
    garbage: (path) => writeFileSync(path, Buffer.from([0, 255, 128])),
    'a file of 3 GB': (path) => {
      writeFileSync(path, '{}');
      truncateSync(path, 3e9);
    },
    '1 GB of spaces before what was there': (path) => {
      writeFileSync(path, ' ');
      truncateSync(path, 1e9);
    },
  };
  for (const [what, plant] of Object.entries(SOURCE_FILES)) {
    it(`goes on when the source.json of another process is ${what}`, async () => {
      const made = await fill();
      const path = join(site.folderOf(made), 'source.json');
      rmSync(path);
      plant(path);
      const other = await fill();
      disown(other);
      const rssBefore = process.memoryUsage.rss();
      await drain();
      assert.ok(process.memoryUsage.rss() - rssBefore < 100e6, 'bounded memory');
      assert.deepEqual(await counted(other), { recorded: 60, archived: 60, damaged: 0 });
      const [spooled] = await verifySpool(site.spoolDir);
      assert.deepEqual([spooled?.owner, spooled?.events], ['unknown', 30]);
      assert.match(spooled?.problems.join() ?? '', /source\.json: none that this version can read/);
      if (what === 'a folder') return;
      assert.match((await repairSpool(site.spoolDir)).map(({ action }) => action).join(), /written from what the segments say/);
      utimesSync(path, 0, 0);
      await drain();
      assert.deepEqual(await counted(made), { recorded: 60, archived: 60, damaged: 0 });
    });
  }

  it('follows no link to a folder, and passes over what is no folder', async () => {
    const made = await fill();
    disown(made);
    symlinkSync('.', join(site.spoolDir, '0'.repeat(16)));
    symlinkSync('1'.repeat(16), join(site.spoolDir, '1'.repeat(16)));
    symlinkSync(site.folderOf(made), join(site.spoolDir, '2'.repeat(16)));
    writeFileSync(join(site.spoolDir, '3'.repeat(16)), 'x');
    mkdirSync(join(site.spoolDir, 'another'));
    await drain();
    assert.deepEqual(await counted(made), { recorded: 60, archived: 60, damaged: 0 });
    assert.deepEqual(await listSpool(site.spoolDir), []);
  });

  it('archives the copy of a folder once', async () => {
    const made = await fill();
    disown(made);
    cpSync(site.folderOf(made), join(site.spoolDir, 'a'.repeat(16)), { recursive: true, preserveTimestamps: true });
    await drain();
    await drain();
    assert.deepEqual(await counted(made), { recorded: 60, archived: 60, damaged: 0 });
    assert.deepEqual(await listSpool(site.spoolDir), []);
  });

  it('sets aside in place where suspect/ cannot be', async () => {
    const made = await fill();
    writeFileSync(join(site.spoolDir, 'suspect'), 'x');
    writeFileSync(join(site.folderOf(made), 'rest-0000000001.seg'), 'x');
    await made.archive.flush();
    assert.deepEqual(await counted(made), { recorded: 60, archived: 50, damaged: 10 });
    assert.ok(readdirSync(site.folderOf(made)).some((name) => /^rest-0000000001\.seg\.[0-9a-f]{8}\.suspect$/.test(name)));
    rmSync(join(site.spoolDir, 'suspect'));
    await made.archive.stop({ timeoutMs: 5000 });
    assert.equal((await measureSuspect(site.spoolDir)).files, 1);
  });

  it('sets aside what it may not read, and leaves alone a folder that it may not enter', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const made = await fill();
    disown(made);
    const secret = await fill();
    disown(secret);
    chmodSync(join(site.folderOf(made), 'rest-0000000002.seg'), 0o000);
    for (const folder of [site.spoolDir, site.folderOf(made)]) {
      for (const name of ['.', ...readdirSync(folder)]) chownSync(join(folder, name), NOBODY, NOBODY);
    }
    chownSync(site.folderOf(secret), 0, 0);
    process.setegid?.(NOBODY);
    process.seteuid?.(NOBODY);
    try {
      await drain();
      const unread = (await verifySpool(site.spoolDir)).flatMap(({ problems }) => problems);
      assert.match(unread.join(), new RegExp(`${formatSourceId(secret.archive.sourceId)}: may not be listed`));
      assert.equal((await measureSuspect(site.spoolDir)).files, 1);
      assert.deepEqual(await repairSpool(site.spoolDir), []);
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
    assert.deepEqual(await counted(made), { recorded: 60, archived: 50, damaged: 10 });
    await drain();
    assert.deepEqual(await counted(secret), { recorded: 60, archived: 60, damaged: 0 });
  });
});
