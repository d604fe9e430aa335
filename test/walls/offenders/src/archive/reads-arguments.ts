// Refused by: biome plugin
export const given = process.argv;
