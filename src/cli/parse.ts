// Checks the values of command-line options. A bad one says what was given and what is allowed.
import { InvalidArgumentError } from 'commander';

/** For `--limit`, `--days`, `--port`: a whole number in a range. */
export function integerBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < min || number > max)
      throw new InvalidArgumentError(`allowed: a whole number from ${min} to ${max}.`);
    return number;
  };
}

/** For rates and shares: any number in a range. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() === '' || !(number >= min && number <= max))
      throw new InvalidArgumentError(`allowed: a number from ${min} to ${max}.`);
    return number;
  };
}
