// Several alerts as the custom_details of one event of PagerDuty: all of them, as long as there is room.
import { type AlertLine, fitLines, type GroupText } from './group-text.ts';
import { toJson } from './readable.ts';

/** @param maxBytes of the details as JSON, in which all that a group has in common finds room: at least 20,000 */
export function groupDetails(group: GroupText, maxBytes: number): object {
  const { firing, resolved, why, common, examples } = group;
  const head = {
    firing,
    resolved,
    told_because_of: why,
    labels: Object.fromEntries(common.map(({ name, value }) => [name, value])),
    examples,
    ...(group.isRepeat ? { may_have_been_sent_before: true } : {}),
  };
  const budget = maxBytes - sizeOf(head) - OWN_BYTES;
  const fill = (isFull: boolean) => fitLines(group, (line) => detailsOf(line, isFull), { sizeOf, budget });
  const full = fill(true);
  const { shown, leftOut } = full.shown.length === group.lines.length ? full : fill(false);
  return { ...head, alerts: shown, ...(leftOut === '' ? {} : { left_out: leftOut }) };
}

/** Of the names of the last members, and what they say. */
const OWN_BYTES = 300;

function detailsOf({ state, name, summary, value, time, why, alert }: AlertLine, isFull: boolean): object {
  return {
    state,
    alert: name,
    summary,
    ...(value === '' ? {} : { value }),
    since: time,
    ...(why === undefined ? {} : { why }),
    ...(isFull ? { values: alert.row } : {}),
  };
}

function sizeOf(value: object): number {
  return Buffer.byteLength(toJson(value)) + 1;
}
