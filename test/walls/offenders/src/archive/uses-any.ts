// Refused by: biome lint/suspicious/noExplicitAny
export function take(value: any): void {
  void value;
}
