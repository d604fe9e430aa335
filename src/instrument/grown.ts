// Tables of numbers that grow with what they describe.

type Table = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A table of at least `length` entries that begins with those of `table`: `table` itself where it is long enough, else twice as long. */
export function grown<T extends Table>(table: T, length: number): T {
  if (length <= table.length) return table;
  const larger = new (table.constructor as new (length: number) => T)(Math.max(length, 2 * table.length));
  larger.set(table);
  return larger;
}
