// The app's client of the LLM provider: one HTTP call, its trace context passed on, its usage noted on the execution.
import type { ChatCompletion, ChatCompletionRequest } from './completions.ts';
import type { Measuring } from './measuring.ts';

/** The provider answered with an error, or not at all. */
export class LlmError extends Error {
  override readonly name = 'LlmError';
  /** HTTP status of the provider; undefined when there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.status = options.status;
  }
}

/** Asks the model once. @throws LlmError */
export type AskLlm = (request: ChatCompletionRequest) => Promise<ChatCompletion>;

/** @param options.timeoutMs longest wait for an answer; default 10000 */
export function createLlmClient(options: {
  readonly url: string;
  readonly tracker: Measuring;
  readonly timeoutMs?: number;
}): AskLlm {
  const { url, tracker, timeoutMs = 10_000 } = options;
  return (request) =>
    tracker.measure(
      { type: 'llm', name: request.model, labels: { provider: 'simulated', model: request.model } },
      async (execution) => {
        const completion = await post(`${url}/v1/chat/completions`, request, tracker.traceparent(), timeoutMs);
        const { usage, choices } = completion;
        execution.tokens({ input: usage.prompt_tokens, output: usage.completion_tokens });
        execution.set({ finish_reason: choices[0]?.finish_reason });
        return completion;
      },
    );
}

async function post(url: string, body: object, traceparent: string | undefined, timeoutMs: number): Promise<ChatCompletion> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(traceparent === undefined ? {} : { traceparent }) },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new LlmError('the LLM provider does not answer', { cause });
  });
  if (response.ok) return (await response.json()) as ChatCompletion;
  await response.arrayBuffer();
  throw new LlmError(`the LLM provider answered ${response.status}`, { status: response.status });
}
