// Where the value of a member stands in the text of a JSON object: JSON.parse would take the last digits of large numbers, and tells no place.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = [0x7b, 0x5b];
const CLOSE = [0x7d, 0x5d];
const COMMA = 0x2c;
const COLON = 0x3a;

/** From the first unit to the one behind the last. */
export interface TextRange {
  readonly from: number;
  readonly to: number;
}

/** @param json a valid object. @returns undefined when it has no such member; of several, the last one, as JSON.parse has it */
export function memberText(json: string, name: string): string | undefined {
  const range = memberRange(json, name);
  return range && json.slice(range.from, range.to);
}

/** As `memberText`: where the value stands, without blanks around it. */
export function memberRange(json: string, name: string): TextRange | undefined {
  let depth = 0;
  let keyAt = -1;
  let keyEnd = -1;
  let valueAt = -1;
  let found: TextRange | undefined;
  const end = (at: number) => {
    if (valueAt !== -1 && isNamed(json, keyAt, keyEnd, name)) found = trimmed(json, valueAt, at);
    keyAt = -1;
    valueAt = -1;
  };
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) {
      const close = endOfString(json, at);
      if (depth === 1 && keyAt === -1) {
        keyAt = at;
        keyEnd = close + 1;
      }
      at = close;
    } else if (OPEN.includes(unit)) depth++;
    else if (CLOSE.includes(unit)) {
      if (depth === 1) end(at);
      depth--;
    } else if (depth === 1 && unit === COLON && valueAt === -1) valueAt = at + 1;
    else if (depth === 1 && unit === COMMA) end(at);
  }
  return found;
}

function trimmed(json: string, from: number, to: number): TextRange {
  const value = json.slice(from, to);
  const start = from + value.length - value.trimStart().length;
  return { from: start, to: start + value.trim().length };
}

function endOfString(json: string, from: number): number {
  for (let at = json.indexOf('"', from + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let slashes = 0;
    while (json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return json.length;
}

function isNamed(json: string, from: number, to: number, name: string): boolean {
  const key = json.slice(from, to);
  return key === `"${name}"` || (key.includes('\\') && JSON.parse(key) === name);
}
