// Refused by: biome lint/style/noRestrictedImports
export async function load(): Promise<unknown> {
  return await import('pg-promise');
}
