// Usage as the `ai` SDK gives it, in its own words: of version 4 (`promptTokens`), of 5 (`inputTokens`, with `cachedInputTokens` and
// `reasoningTokens` beside them), of 6 and later (with details), and of the models beneath it (`inputTokens: { total, … }`).
import { isObject, type Loose, part, readTotals, type UsageReading } from './usage-counts.ts';

/** Where the provider says nothing, this version gives NaN. */
export function readAiSdk4(usage: Loose): UsageReading {
  return readTotals((counts) => ({
    input: counts.require(usage['promptTokens']),
    output: counts.read(usage['completionTokens']),
    total: counts.read(usage['totalTokens']),
  }));
}

/** @param isOutside what is cached is not part of `inputTokens`: version 5 hands on what Anthropic says */
export function readAiSdk(usage: Loose, isOutside: boolean): UsageReading {
  if (isObject(usage['inputTokens'])) return readModelUsage(usage);
  return readTotals((counts) => {
    const inputParts = part(usage, 'inputTokenDetails');
    const given = counts.require(usage['inputTokens']);
    const cached = counts.read(inputParts['cacheReadTokens']) ?? counts.read(usage['cachedInputTokens']);
    const hasDetails = isObject(usage['inputTokenDetails']);
    const isBeside = !hasDetails && cached !== undefined && given !== undefined && (isOutside || cached > given);
    return {
      input: isBeside ? given + cached : given,
      output: counts.read(usage['outputTokens']),
      // This total leaves out what is beside it.
      total: isBeside ? undefined : counts.read(usage['totalTokens']),
      cachedInput: cached,
      cacheWrite: counts.read(inputParts['cacheWriteTokens']),
      reasoning: counts.read(part(usage, 'outputTokenDetails')['reasoningTokens']) ?? counts.read(usage['reasoningTokens']),
    };
  });
}

function readModelUsage(usage: Loose): UsageReading {
  const input = part(usage, 'inputTokens');
  const output = part(usage, 'outputTokens');
  return readTotals((counts) => ({
    input: counts.require(input['total']),
    output: counts.read(output['total']),
    cachedInput: counts.read(input['cacheRead']),
    cacheWrite: counts.read(input['cacheWrite']),
    reasoning: counts.read(output['reasoning']),
  }));
}
