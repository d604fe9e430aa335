// Refused by: oxlint typescript(await-thenable)
export async function wait(count: number): Promise<number> {
  return await count;
}
