// Refused by: biome lint/style/noEnum
export enum Lane {
  Keep = 0,
  Rest = 1,
}
