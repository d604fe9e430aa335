// Usage as OpenAI gives it, and those who speak its formats: of chat completions and embeddings (`prompt_tokens`), and of the Responses API,
// transcriptions and the Realtime API (`input_tokens`). Both count what is cached, written to the cache, spoken or thought inside of their totals.
import { type Counts, type InclusiveCounts, type Loose, part, readTotals, type UsageReading } from './usage-counts.ts';

/** Embeddings have no output. Predicted tokens, accepted or rejected, are output and cost what output costs: they need no bucket. */
export function readOpenAiChat(usage: Loose): UsageReading {
  return readTotals((counts) => ({
    input: counts.require(usage['prompt_tokens']),
    output: counts.read(usage['completion_tokens']),
    total: counts.read(usage['total_tokens']),
    ...readDetails(counts, part(usage, 'prompt_tokens_details'), part(usage, 'completion_tokens_details')),
  }));
}

/** The Realtime API spells `input_token_details`. */
export function readOpenAiResponses(usage: Loose): UsageReading {
  const detailsOf = (what: string) =>
    part(usage, `${what}_tokens_details` in usage ? `${what}_tokens_details` : `${what}_token_details`);
  return readTotals((counts) => ({
    input: counts.require(usage['input_tokens']),
    output: counts.require(usage['output_tokens']),
    total: counts.read(usage['total_tokens']),
    ...readDetails(counts, detailsOf('input'), detailsOf('output')),
  }));
}

function readDetails(counts: Counts, input: Loose, output: Loose): Omit<InclusiveCounts, 'input' | 'output' | 'total'> {
  return {
    cachedInput: counts.read(input['cached_tokens']),
    cacheWrite: counts.read(input['cache_write_tokens']),
    audioInput: counts.read(input['audio_tokens']),
    reasoning: counts.read(output['reasoning_tokens']),
    audioOutput: counts.read(output['audio_tokens']),
  };
}

/** Of an answer, or a chunk of one: `auto` and `default` are the standard. */
export function openAiTier(answer: Loose): string | undefined {
  const tier = answer['service_tier'];
  return typeof tier === 'string' && tier !== 'auto' && tier !== 'default' ? tier : undefined;
}
