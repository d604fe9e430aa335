// The SDKs of OpenAI and Anthropic as they are installed, against a server of ours: whatever reads an answer, the request is made once,
// its execution ends once, and everything that the SDK gives is what it gives without us.
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { LlmServer, type Prompt } from '../../support/llm-server.ts';
import { reportedWhile } from '../../support/reported.ts';
import { Tracked } from '../../support/tracked.ts';
import { waitFor } from '../../support/wait-for.ts';

const server = new LlmServer();
let openai: OpenAI;
let anthropic: Anthropic;

const chat = (prompt: Prompt = 'answer') => ({ model: 'm', messages: [{ role: 'user' as const, content: prompt }] });
const message = (prompt: Prompt = 'answer') => ({ ...chat(prompt), max_tokens: 10 });

/** Calls of both SDKs, tracked. */
function trackBoth() {
  const tracked = new Tracked();
  return {
    tracked,
    complete: tracked.track((prompt?: Prompt) => openai.chat.completions.create(chat(prompt))),
    stream: tracked.track((prompt?: Prompt) => openai.chat.completions.create({ ...chat(prompt), stream: true })),
    send: tracked.track((prompt?: Prompt) => anthropic.messages.create(message(prompt))),
    sendStream: tracked.track((prompt?: Prompt) => anthropic.messages.create({ ...message(prompt), stream: true })),
    helper: tracked.track((prompt?: Prompt) => anthropic.messages.stream(message(prompt))),
    openAiHelper: tracked.track((prompt?: Prompt) => openai.chat.completions.stream(chat(prompt))),
  };
}

type Calls = ReturnType<typeof trackBoth>;

/** What reads an answer; how the execution ends; which item count it has. */
const READERS: Readonly<Record<string, { use: (calls: Calls) => unknown; ends: unknown[] }>> = {
  'openai, awaited': {
    use: async ({ complete }) => assert.equal((await complete()).choices[0]?.message.content, '{"a":1}'),
    ends: ['success', undefined],
  },
  'openai, awaited twice': {
    use: async ({ complete }) => {
      const promise = complete();
      assert.equal(await promise, await promise);
    },
    ends: ['success', undefined],
  },
  'openai, then': { use: ({ complete }) => complete().then(({ id }) => assert.equal(id, 'c1')), ends: ['success', undefined] },
  'openai, finally': { use: ({ complete }) => complete().finally(() => undefined), ends: ['success', undefined] },
  'openai, withResponse': {
    use: async ({ complete }) => {
      const { data, response, request_id } = await complete().withResponse();
      assert.deepEqual([data.id, response.status, request_id], ['c1', 200, 'r1']);
    },
    ends: ['success', undefined],
  },
  'openai, asResponse': {
    use: async ({ complete }) => {
      const response = await complete().asResponse();
      assert.equal(((await response.json()) as { id: string }).id, 'c1');
    },
    ends: ['success', undefined],
  },
  'openai, asResponse of a refusal': {
    use: ({ complete }) => assert.rejects(complete('refuse').asResponse(), OpenAI.BadRequestError),
    ends: ['failure', undefined],
  },
  'openai, caught': {
    use: async ({ complete }) =>
      assert.ok((await complete('refuse').catch((error: unknown) => error)) instanceof OpenAI.BadRequestError),
    ends: ['failure', undefined],
  },
  'openai, a stream to its end': {
    use: async ({ stream }) => {
      let text = '';
      for await (const chunk of await stream()) text += chunk.choices[0]?.delta.content ?? '';
      assert.equal(text, '{"a":1}');
    },
    ends: ['success', 3],
  },
  'openai, a stream withResponse': {
    use: async ({ stream }) => {
      const { data, response } = await stream().withResponse();
      assert.equal(response.status, 200);
      for await (const _ of data);
    },
    ends: ['success', 3],
  },
  'openai, a stream left early': {
    use: async ({ stream }) => {
      for await (const _ of await stream('never end')) break;
    },
    ends: ['aborted', 1],
  },
  'openai, a stream aborted while it waits': {
    use: async ({ stream }) => {
      const chunks = await stream('never end');
      for await (const _ of chunks) setTimeout(() => chunks.controller.abort(), 5);
    },
    ends: ['aborted', 2],
  },
  'openai, a stream aborted before it is read': {
    use: async ({ stream }) => (await stream('never end')).controller.abort(),
    ends: ['aborted', 0],
  },
  'openai, a stream that breaks off': {
    use: ({ stream }) =>
      assert.rejects(async () => {
        for await (const _ of await stream('break off'));
      }),
    ends: ['failure', 2],
  },
  'openai, a stream teed': {
    use: async ({ stream }) => {
      const [a, b] = (await stream()).tee();
      for await (const _ of a);
      for await (const _ of b);
    },
    ends: ['success', 3],
  },
  'openai, a stream as a web stream': {
    use: async ({ stream }) => assert.match(await new Response((await stream()).toReadableStream() as never).text(), /"c1"/),
    ends: ['success', 3],
  },
  'openai, the helper that emits': {
    use: async ({ openAiHelper }) => assert.equal((await openAiHelper().finalChatCompletion()).choices.length, 1),
    ends: ['success', 3],
  },
  'anthropic, awaited': {
    use: async ({ send }) => assert.equal((await send()).id, 'm1'),
    ends: ['success', undefined],
  },
  'anthropic, withResponse': {
    use: async ({ send }) => assert.equal((await send().withResponse()).request_id, 'r1'),
    ends: ['success', undefined],
  },
  'anthropic, asResponse': {
    use: async ({ send }) => assert.equal((await send().asResponse()).status, 200),
    ends: ['success', undefined],
  },
  'anthropic, refused': {
    use: ({ send }) => assert.rejects(async () => await send('refuse'), Anthropic.BadRequestError),
    ends: ['failure', undefined],
  },
  'anthropic, a stream to its end': {
    use: async ({ sendStream }) => {
      for await (const _ of await sendStream());
    },
    ends: ['success', 6],
  },
  'anthropic, a stream left early': {
    use: async ({ sendStream }) => {
      for await (const _ of await sendStream('never end')) break;
    },
    ends: ['aborted', 1],
  },
  'anthropic, the helper that emits': {
    use: async ({ helper }) => assert.equal(await helper().finalText(), 'hi'),
    ends: ['success', 6],
  },
  'anthropic, the helper iterated': {
    use: async ({ helper }) => {
      for await (const _ of helper());
    },
    ends: ['success', 6],
  },
  'anthropic, the helper left early': {
    use: async ({ helper }) => {
      for await (const _ of helper('never end')) break;
    },
    ends: ['aborted', undefined],
  },
  'anthropic, the helper refused': {
    use: ({ helper }) => assert.rejects(helper('refuse').finalMessage(), Anthropic.BadRequestError),
    ends: ['failure', 0],
  },
  'anthropic, the helper aborted': {
    use: async ({ helper }) => {
      const stream = helper('never end');
      const final = assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
      stream.once('streamEvent', () => stream.abort());
      await final;
    },
    ends: ['aborted', undefined],
  },
};

describe('Tracked calls of SDKs', () => {
  before(async () => {
    const baseURL = await server.start();
    openai = new OpenAI({ baseURL, apiKey: 'k', maxRetries: 0 });
    anthropic = new Anthropic({ baseURL, apiKey: 'k', maxRetries: 0 });
  });
  after(() => server.stop());

  for (const [what, { use, ends }] of Object.entries(READERS)) {
    it(`make one request and end once: ${what}`, async () => {
      const calls = trackBoth();
      const before = server.requests;
      await use(calls);
      await nextTurn();
      assert.equal(server.requests, before + 1);
      const events = await waitFor(() => calls.tracked.events());
      assert.deepEqual(
        events.map(({ status }) => status),
        [ends[0]],
      );
      if (ends[1] !== undefined) assert.equal(events[0]?.metadata['item_count'], ends[1]);
      assert.equal(calls.tracked.tracker.numbers().internalErrors, 0);
    });
  }

  it('stay promises of the SDK, whose helpers work where its own method is tracked', async () => {
    const { tracked, complete } = trackBoth();
    const promise = complete();
    const bare = openai.chat.completions.create(chat());
    assert.equal(Object.getPrototypeOf(promise), Object.getPrototypeOf(bare));
    await Promise.all([promise, bare]);
    assert.equal(tracked.events().length, 1);

    const client = new OpenAI({ baseURL: openai.baseURL, apiKey: 'k', maxRetries: 0 });
    client.chat.completions.create = tracked.track(client.chat.completions.create);
    const before = server.requests;
    const parsed = await client.chat.completions.parse({ ...chat(), response_format: { type: 'json_object' } });
    assert.equal(parsed.choices[0]?.message.content, '{"a":1}');
    assert.equal(server.requests, before + 1);
    assert.deepEqual(tracked.endings(), [['success', undefined]]);
  });

  it('report what nobody handles as without us', async () => {
    const neglect = (send: (prompt?: Prompt) => unknown, helper: (prompt?: Prompt) => unknown) =>
      reportedWhile(async () => {
        send('refuse');
        helper('refuse');
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
    const bare = await neglect(
      (prompt) => anthropic.messages.create(message(prompt)).then((answer) => answer),
      (prompt) => anthropic.messages.stream(message(prompt)),
    );
    const { send, helper } = trackBoth();
    const tracked = await neglect((prompt) => send(prompt).then((answer) => answer), helper);
    const kinds = (reported: typeof bare) => reported.map(([event, reason]) => [event, (reason as object).constructor]);
    assert.equal(bare.length, 4);
    assert.deepEqual(kinds(tracked), kinds(bare));
  });
});
