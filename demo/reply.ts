// What the simulated model says: it asks for the tools that the user's words call for, then answers from what they returned. Pure.
import type { ChatCompletionRequest, ChatMessage, ToolCall } from './completions.ts';

/** Which words make the model reach for which tool, and what it passes. */
const TRIGGERS: readonly { readonly tool: string; readonly words: RegExp; readonly args: (text: string) => object }[] = [
  { tool: 'search_orders', words: /\border(s|ed)?\b|\bparcel\b/i, args: () => ({ limit: 3 }) },
  { tool: 'get_weather', words: /\bweather\b/i, args: (text) => ({ city: /\bin ([A-Z][a-z]+)/.exec(text)?.[1] ?? 'Berlin' }) },
  { tool: 'create_ticket', words: /\bbroken\b|\brefund\b|\bcomplain/i, args: (text) => ({ subject: text.slice(0, 80) }) },
];
/** A model that asked for everything at once would hide what the tools cost. */
const MOST_CALLS = 2;

/** The assistant's next message: tool calls after a user's message that calls for them, else an answer in words. */
export function composeReply(request: ChatCompletionRequest): ChatMessage {
  const last = request.messages.at(-1);
  if (last?.role === 'user') {
    const calls = chooseTools(last.content ?? '', new Set(request.tools?.map((tool) => tool.function.name)));
    if (calls.length > 0) return { role: 'assistant', content: null, tool_calls: calls };
    return { role: 'assistant', content: 'Hello! I can look up your orders, tell you the weather, or open a ticket for you.' };
  }
  const results = request.messages.slice(request.messages.findLastIndex((message) => message.role === 'user'));
  const found = results.filter((message) => message.role === 'tool').map((message) => message.content ?? '');
  return { role: 'assistant', content: `Here is what I found: ${found.join(' ')}`.slice(0, 2000) };
}

function chooseTools(text: string, offered: ReadonlySet<string>): ToolCall[] {
  return TRIGGERS.filter(({ tool, words }) => offered.has(tool) && words.test(text))
    .slice(0, MOST_CALLS)
    .map(({ tool, args }, index) => ({
      id: `call_${index + 1}`,
      type: 'function',
      function: { name: tool, arguments: JSON.stringify(args(text)) },
    }));
}
