// Refused by: oxlint typescript(switch-exhaustiveness-check)
export function laneNumber(lane: 'keep' | 'rest'): number {
  switch (lane) {
    case 'keep':
      return 0;
  }
  return 1;
}
