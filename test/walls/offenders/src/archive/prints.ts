// Refused by: biome lint/suspicious/noConsole
console.log('archived');
