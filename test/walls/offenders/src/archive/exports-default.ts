// Refused by: biome lint/style/noDefaultExport
export default function drain(): void {}
