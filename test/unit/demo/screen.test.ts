import assert from 'node:assert/strict';
import { createScreen } from '../../../demo/screen.ts';

describe('createScreen', () => {
  it('redraws the live line in place on a terminal, under the lines that stay', () => {
    let text = '';
    const screen = createScreen({ out: { write: (part) => (text += part), isTTY: true, columns: 80 } });
    screen.live('1 request');
    screen.live('2 requests');
    screen.print('FIRING');
    screen.end();
    screen.print('bye');
    assert.equal(text, '\r\u001b[2K1 request\r\u001b[2K2 requests\r\u001b[2KFIRING\n2 requests\nbye\n');
  });

  it('never lets the live line wrap', () => {
    let text = '';
    createScreen({ out: { write: (part) => (text += part), isTTY: true, columns: 30 } }).live('x'.repeat(200));
    assert.equal(text.replace('\r\u001b[2K', '').length, 29);
  });

  it('prints a plain line each interval where there is no terminal', () => {
    const lines: string[] = [];
    let now = 0;
    const screen = createScreen({ out: { write: (part) => lines.push(part) }, plainIntervalMs: 5000, now: () => now });
    for (now = 0; now <= 10_000; now += 1000) screen.live(`at ${now}`);
    screen.end();
    assert.deepEqual(lines, ['at 0\n', 'at 5000\n', 'at 10000\n']);
  });
});
