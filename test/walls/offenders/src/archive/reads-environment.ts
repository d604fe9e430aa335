// Refused by: biome lint/style/noProcessEnv
export const url = process.env['DATABASE_URL'];
