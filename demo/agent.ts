// The support agent: reads what it knows of the user, asks the model, runs the tools that the model asks for, remembers the conversation.
import type { Cache } from './cache.ts';
import type { ChatMessage } from './completions.ts';
import type { AskLlm } from './llm-client.ts';
import type { Measuring } from './measuring.ts';
import type { ChatStore, Profile } from './store.ts';
import { type RunTool, TOOL_DEFINITIONS } from './tools.ts';

export interface AgentAnswer {
  readonly reply: string;
  readonly toolCalls: number;
  readonly tokens: number;
}

export interface AgentOptions {
  readonly tracker: Measuring;
  readonly store: ChatStore;
  readonly profiles: Cache<Profile>;
  readonly askLlm: AskLlm;
  readonly runTool: RunTool;
  readonly model: string;
}

/** Answers one message of a user. @throws LlmError when the provider fails */
export type SupportAgent = (userId: string, message: string) => Promise<AgentAnswer>;

/** A model that keeps asking for tools is stopped after so many rounds. */
const MAX_ROUNDS = 3;
const HISTORY_LIMIT = 10;

export function createSupportAgent(options: AgentOptions): SupportAgent {
  const { tracker, store } = options;
  return (userId, message) =>
    tracker.measure({ type: 'agent', name: 'support_agent', labels: { workspace: 'demo' } }, async (execution) => {
      execution.set({ user_id: userId });
      const profile = await readProfile(options, userId);
      const history = await tracker.measure({ type: 'db', name: 'get_history' }, () => store.getHistory(userId, HISTORY_LIMIT));
      const answer = await converse(options, userId, [
        {
          role: 'system',
          content: `You support customers. The user lives in ${profile.city} and is on the ${profile.plan} plan.`,
        },
        ...history,
        { role: 'user', content: message },
      ]);
      await tracker.measure({ type: 'db', name: 'add_messages' }, () =>
        store.addMessages(userId, [
          { role: 'user', content: message },
          { role: 'assistant', content: answer.reply },
        ]),
      );
      execution.set({ tokens: answer.tokens, tool_calls: answer.toolCalls, plan: profile.plan });
      return answer;
    });
}

/** From the cache, or from the database and then into the cache. */
async function readProfile({ tracker, store, profiles }: AgentOptions, userId: string): Promise<Profile> {
  const cached = tracker.measure({ type: 'cache', name: 'user_profile' }, (execution) => {
    const value = profiles.get(userId);
    execution.set({ hit: value !== undefined });
    return value;
  });
  if (cached !== undefined) return cached;
  const profile = await tracker.measure({ type: 'db', name: 'get_profile' }, () => store.getProfile(userId));
  profiles.set(userId, profile);
  return profile;
}

/** Model and tools in turn, until the model answers in words. */
async function converse(options: AgentOptions, userId: string, opening: readonly ChatMessage[]): Promise<AgentAnswer> {
  const messages = [...opening];
  let tokens = 0;
  let toolCalls = 0;
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const completion = await options.askLlm({ model: options.model, messages, tools: TOOL_DEFINITIONS });
    tokens += completion.usage.total_tokens;
    const message = completion.choices[0]?.message;
    const calls = message?.tool_calls ?? [];
    if (message === undefined || calls.length === 0) return { reply: message?.content ?? '', toolCalls, tokens };
    messages.push(message);
    const results = await Promise.all(
      calls.map(async (call): Promise<ChatMessage> => {
        const args = JSON.parse(call.function.arguments) as Record<string, unknown>;
        return { role: 'tool', tool_call_id: call.id, content: await options.runTool(call.function.name, args, userId) };
      }),
    );
    toolCalls += calls.length;
    messages.push(...results);
  }
  return { reply: 'I could not find that out. A colleague will get back to you.', toolCalls, tokens };
}
