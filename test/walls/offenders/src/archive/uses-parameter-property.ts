// Refused by: tsc TS1294
export class Drain {
  constructor(readonly folder: string) {}
}
