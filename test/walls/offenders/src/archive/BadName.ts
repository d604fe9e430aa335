// Refused by: biome lint/style/useFilenamingConvention
export const name = 'bad';
