// keepwatch alerts ack: somebody works on an incident, so that it is neither repeated nor escalated.
import type { Command } from 'commander';
import { createAcknowledgements } from '../../alerts/delivery/acknowledgements.ts';
import { loadConfig } from '../../config.ts';
import { KeepwatchError } from '../../errors.ts';
import { actorName } from '../actor.ts';
import { timeAfter } from '../parse.ts';
import { withStorage } from '../storage.ts';

interface Flags {
  readonly by?: string;
  readonly comment?: string;
  readonly until?: Date;
  readonly undo?: boolean;
  readonly json?: boolean;
}

export function addAlertsAck(alerts: Command): void {
  alerts
    .command('ack')
    .description('say that somebody works on an incident: it is neither repeated nor escalated')
    .argument('<incident>', 'its id, or the first 8 characters of it and more, as `keepwatch alerts list` shows them')
    .option('--by <name>', 'who works on it; default: the user of this machine')
    .option('--comment <text>', 'what to say beside it')
    .option('--until <time>', 'when it ends by itself: 2h, 2026-11-20T18:00Z; default: with the incident', timeAfter(Date.now()))
    .option('--undo', 'take it back')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  keepwatch alerts ack 018e2b1c --comment "looking at the database"\n  keepwatch alerts ack 018e2b1c --until 2h --by ana\n  keepwatch alerts ack 018e2b1c --undo',
    )
    .action(run);
}

async function run(incident: string, { by = actorName(), comment, until, undo = false, json }: Flags): Promise<void> {
  const given = {
    by,
    ...(comment === undefined ? {} : { comment }),
    ...(until === undefined ? {} : { until: until.toISOString() }),
  };
  const known = await withStorage(loadConfig(), ({ database }) => {
    const acknowledgements = createAcknowledgements(database);
    return undo ? acknowledgements.withdraw(incident, actorName()) : acknowledgements.acknowledge(incident, given, actorName());
  });
  if (known === undefined)
    throw new KeepwatchError(
      'ERR_USAGE',
      `no incident with the id ${incident}${undo ? ' is acknowledged' : ''}; keepwatch alerts list shows those that are open`,
    );
  if (json === true) process.stdout.write(`${JSON.stringify(known)}\n`);
  else if (undo) process.stdout.write(`nobody works on ${known.incident_id} any more\n`);
  else process.stdout.write(`${known.by} works on ${known.incident_id}${known.until === null ? '' : ` until ${known.until}`}\n`);
}
