// What src/alerts/sql-parser.ts uses of the WASM behind libpg-query. The package's own door keeps one instance for ever, also a broken one.
declare module 'libpg-query/wasm/libpg-query.js' {
  /** One instance: a memory of its own, in which addresses are numbers. */
  export interface PgQueryModule {
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, address: number, maxBytes: number): void;
    UTF8ToString(address: number): string;
    getValue(address: number, type: 'i32'): number;
    _malloc(bytes: number): number;
    _free(address: number): void;
    /** @returns the address of { char *tree; char *stderr; PgQueryError *error } */
    _wasm_parse_query_raw(text: number): number;
    _wasm_free_parse_result(result: number): void;
  }
  const createModule: () => Promise<PgQueryModule>;
  // biome-ignore lint/style/noDefaultExport: CommonJS of others
  export default createModule;
}
