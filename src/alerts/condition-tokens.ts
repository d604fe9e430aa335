// Cuts a condition into numbers, words and symbols, each with its position. What they mean is up to condition.ts.

export interface Token {
  /** `unknown` is a character that no condition has. */
  readonly type: 'number' | 'word' | 'symbol' | 'unknown' | 'end';
  readonly text: string;
  /** From 1. */
  readonly at: number;
}

const TOKEN = /(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_][A-Za-z0-9_]*)|(>=|<=|!=|[-+*/<>=(),])|\S/g;

/** All tokens of `text`; the last is `end`. */
export function tokenizeCondition(text: string): Token[] {
  const tokens = [...text.matchAll(TOKEN)].map((match): Token => {
    const [found, number, word, symbol] = match;
    const type = number !== undefined ? 'number' : word !== undefined ? 'word' : symbol !== undefined ? 'symbol' : 'unknown';
    return { type, text: found, at: match.index + 1 };
  });
  return [...tokens, { type: 'end', text: '', at: text.trimEnd().length + 1 }];
}
