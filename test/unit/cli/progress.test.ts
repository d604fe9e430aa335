import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { createProgress } from '../../../src/cli/progress.ts';

/** What is written to it, and whether it is a terminal. */
function openStream(isTTY: boolean): { stream: NodeJS.WriteStream; written: () => string } {
  const stream = new PassThrough();
  Object.assign(stream, { isTTY, columns: 30 });
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => String(stream.read() ?? '') };
}

describe('createProgress', () => {
  it('draws one line again, no wider than the terminal, and removes it', () => {
    const { stream, written } = openStream(true);
    const progress = createProgress(stream);
    progress.show(() => 'x'.repeat(100));
    assert.equal(written(), `\r\u001b[K${'x'.repeat(29)}`);
    progress.show(() => assert.fail('so soon after the last one nothing is drawn'));
    progress.clear();
    assert.equal(written(), '\r\u001b[K');
    progress.clear();
    assert.equal(written(), '', 'there is nothing to remove');
    progress.show(() => 'next');
    assert.equal(written(), '\r\u001b[Knext');
  });

  it('writes nothing where there is no terminal', () => {
    const { stream, written } = openStream(false);
    const progress = createProgress(stream);
    progress.show(() => assert.fail('nobody reads it'));
    progress.clear();
    assert.equal(written(), '');
  });
});
