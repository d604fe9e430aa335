import assert from 'node:assert/strict';
import { DELIVERY_SCRIPTS } from '../../support/delivery-scripts.ts';
import { playReally } from '../../support/real-delivery.ts';
import { needTool } from '../../support/tools.ts';
import { type Heard, playVirtually } from '../../support/virtual-delivery.ts';

describe('routes, groups, inhibition, silences and repeats, beside a real Alertmanager', () => {
  let heard: Map<string, Heard>;

  before(async function () {
    this.timeout(90_000);
    heard = await playReally(needTool(this, 'prometheus-alertmanager'), DELIVERY_SCRIPTS);
  });

  for (const script of DELIVERY_SCRIPTS) {
    it(`give the same messages: ${script.name.replaceAll('-', ' ')}`, () => {
      assert.deepEqual(playVirtually(script), heard.get(script.name));
    });
  }
});
