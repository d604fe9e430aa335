// Refused by: oxlint typescript(no-misused-promises)
export function start(work: () => Promise<void>): void {
  process.on('SIGHUP', async () => {
    await work();
  });
}
