// What runs inside a child process of the benchmark: answers the parent's calls, and ends when the parent does.

/** What a child can be asked for. Arguments and results travel as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: parameters of unknown methods can be described in no other way
export type Methods = Record<string, (argument: any) => unknown>;

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export type Answer = { readonly id: number; readonly result?: unknown } | { readonly id: number; readonly error: string };

/** Answers calls until the parent disconnects, dies or kills this process. */
export function answerParent(methods: Methods): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (call: Call) => void answer(methods, call));
}

async function answer(methods: Methods, call: Call): Promise<void> {
  try {
    const method = methods[call.method];
    if (method === undefined) throw new Error(`there is no method ${call.method}`);
    reply({ id: call.id, result: await method(call.argument) });
  } catch (error) {
    reply({ id: call.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function reply(answer: Answer): void {
  process.send?.(answer);
}

/** CPU time of this process so far, all threads, user and system, in microseconds. */
export function cpuUs(): number {
  const usage = process.cpuUsage();
  return usage.user + usage.system;
}
