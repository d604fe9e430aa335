// Texts that a person or a link may put into a variable of a dashboard, and that end, widen or break SQL that is put together carelessly.

/** By what they are. */
export const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  'a quote': "o'hara",
  'quotes that would end a statement': `'; drop table keepwatch.sources; --`,
  'a double quote': 'the "old" shop',
  'a backslash': String.raw`C:\shop\'`,
  'a placeholder': '$1 and $\u007b2} and $x',
  'a percent sign': '100 % _ %s',
  'a comma': "a, 'b', c",
  newlines: 'two\nlines\r\nand\ttabs',
  'what looks like All': 'null',
  'parentheses and brackets': '(a) [b] {c} [[d]]',
  'characters of many bytes': 'Würstchen 🌭 店',
  'very long text': 'x'.repeat(10_000),
};
