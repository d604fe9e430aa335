// Gathers what is wrong with a rule, each with file, line and path: problems refuse it, warnings do not. Nothing is thrown, so that one look
// finds all there is.
import type { z } from 'zod';
import { KeepwatchError } from '../errors.ts';
import { type FileProblem, formatPath, problemsOf, type YamlFile } from '../yaml-file.ts';

export type Path = readonly PropertyKey[];

/** Where a text comes from: a file, or a row of Postgres, of which every line is 1. */
export type Source = Pick<YamlFile, 'file' | 'lineOf'>;

export class RuleProblems {
  readonly problems: FileProblem[] = [];
  readonly warnings: FileProblem[] = [];
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  say(path: Path, message: string): void {
    this.problems.push(this.#problem(path, message));
  }

  warn(path: Path, message: string): void {
    this.warnings.push(this.#problem(path, message));
  }

  /** Whether `given` is what the schema allows; undefined, and said, when it is not. */
  check<Schema extends z.ZodType>(schema: Schema, given: unknown, path: Path): z.output<Schema> | undefined {
    const parsed = schema.safeParse(given);
    if (parsed.success) return parsed.data;
    this.problems.push(...problemsOf(parsed.error, this.#source, path));
    return undefined;
  }

  /**
   * Runs a parser; what it complains of is said.
   * @param firstLine of the text that it parses: a complaint that begins with `line 3: ` then stands at its line of the file
   */
  attempt<T>(path: Path, parse: () => T, firstLine?: number): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof KeepwatchError)) throw error;
      for (const message of error.message.split('\n')) {
        const line = /^line (\d+): /.exec(message);
        if (line === null || firstLine === undefined) this.say(path, message);
        else this.problems.push(this.#problem(path, message.slice(line[0].length), firstLine + Number(line[1]) - 1));
      }
      return undefined;
    }
  }

  #problem(path: Path, message: string, line = this.#source.lineOf(path)): FileProblem {
    return { file: this.#source.file, line, message: path.length > 0 ? `${formatPath(path)}: ${message}` : message };
  }
}
