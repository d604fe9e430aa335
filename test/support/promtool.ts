// What the real promtool says of an exposition.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** Fails with every complaint of `promtool check metrics`. @param binary its path @param text as /metrics serves it */
export function assertPromtoolAccepts(binary: string, text: string): void {
  const { status, stdout, stderr } = spawnSync(binary, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
}
