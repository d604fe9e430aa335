import assert from 'node:assert/strict';
import { describeProgress } from '../../../demo/live-line.ts';

const traffic = { sent: 1240, status2xx: 1200, status3xx: 0, status4xx: 28, status5xx: 11, transportErrors: 1 };

describe('describeProgress', () => {
  it('says what came in, what is archived, and what fires', () => {
    const status = {
      recorded: 7731,
      archive: { archived: 7702, lagSeconds: 1.234, spoolEvents: 29 },
      alerts: { pending: 1, firing: 2 },
    };
    const line = '01:23  alerts: 1 pending, 2 FIRING  1240 requests, 12 failed  7731 events  7702 archived  lag 1.2 s  spool 29';
    assert.equal(describeProgress(83_900, traffic, status), line);
  });

  it('leaves the archive out where there is none', () => {
    const status = { recorded: 5, archive: undefined, alerts: { pending: 0, firing: 0 } };
    const line = describeProgress(0, { ...traffic, status5xx: 0, transportErrors: 0 }, status);
    assert.equal(line, '00:00  alerts: none  1240 requests  5 events');
  });
});
