// Refused by: biome plugin
export function fail(): never {
  process.exit(1);
}
