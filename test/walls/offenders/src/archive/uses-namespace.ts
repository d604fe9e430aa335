// Refused by: tsc TS1294
export namespace Lanes {
  export const keep = 'keep';
}
