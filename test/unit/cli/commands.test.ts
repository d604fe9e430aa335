import assert from 'node:assert/strict';
import { Command } from 'commander';
import { addCommands, COMMANDS } from '../../../src/cli/commands.ts';

const namesOf = async (args: readonly string[]) => {
  const program = new Command();
  await addCommands(program, args);
  return program.commands.map((command) => command.name());
};

describe('addCommands', () => {
  it('adds the one that is run, by its name', async () => {
    for (const name of Object.keys(COMMANDS)) assert.deepEqual(await namesOf([name, '--help']), [name]);
  });

  it('adds all where help is asked for, or the name is wrong', async () => {
    for (const args of [[], ['--help'], ['help', 'verify'], ['verfiy'], ['toString']])
      assert.deepEqual(await namesOf(args), Object.keys(COMMANDS));
  });
});
