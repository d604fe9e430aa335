import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createSource,
  formatSource,
  formatSourceId,
  isOwnerDead,
  parseSource,
  type Source,
} from '../../../src/archive/spool/source.ts';

describe('Source', () => {
  const own = createSource({ service: 'chat', instance: 'host:1', startedAtMs: 0 });

  it('is the same after it was written and read', () => {
    assert.deepEqual(parseSource(formatSource(own)), own);
  });

  it('has an id of 63 random bits, and a folder name of 16 digits', () => {
    const ids = new Set(Array.from({ length: 100 }, () => createSource({ service: '', instance: '', startedAtMs: 0 }).sourceId));
    assert.equal(ids.size, 100);
    for (const id of ids) assert.ok(id >= 0n && id < 1n << 63n);
    assert.equal(formatSourceId(255n), '00000000000000ff');
  });

  for (const text of [
    '',
    '{}',
    'null',
    formatSource(own).replace('"formatVersion": 1', '"formatVersion": 2'),
    formatSource(own).slice(0, 50),
  ]) {
    it(`is not read from ${JSON.stringify(text.slice(0, 25))}`, () => {
      assert.equal(parseSource(text), undefined);
    });
  }

  const otherBoot: Partial<Source> = { bootId: 'another boot' };
  const otherNamespace: Partial<Source> = { pidNamespace: 'pid:[1]', pid: 4_194_305 };
  const cases: [string, Partial<Source>, number, boolean][] = [
    ['lives: it is this process', {}, 0, false],
    ['lives, however old its heartbeat is, while its process runs', {}, 1e9, false],
    ['is dead when its pid belongs to a process that started later', { pidStartTime: '1' }, 0, true],
    ['is dead when no process has its pid', { pid: 4_194_305, pidStartTime: '1' }, 0, true],
    ['is dead when it is of another boot and silent', otherBoot, 31_000, true],
    ['may live on another machine while its heartbeat is fresh', otherBoot, 1000, false],
    ['may live in another container while its heartbeat is fresh', otherNamespace, 29_000, false],
    ['is dead when it is of another container and silent', otherNamespace, 31_000, true],
    ['lives, whatever its heartbeat says of the future, while its process runs', {}, -1e9, false],
    ['may live with a clock that is a little ahead', otherNamespace, -29_000, false],
    ['is not immortal when its clock was set back before it died', otherNamespace, -3_600_000, true],
  ];
  for (const [what, changes, heartbeatAgeMs, expected] of cases) {
    it(what, function () {
      if (process.platform !== 'linux') this.skip();
      assert.equal(isOwnerDead({ ...own, ...changes }, heartbeatAgeMs), expected);
    });
  }

  it('is told by its pid alone where there is no start time', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
    const source = { ...own, pid: child.pid ?? 0, pidStartTime: null };
    assert.equal(isOwnerDead(source, 0), false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(isOwnerDead(source, 0), true);
  });
});
