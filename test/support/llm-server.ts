// A server on the loopback address that answers as OpenAI and Anthropic do, as far as their SDKs need it: JSON, and server-sent events.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** What the prompt asks the server to do: its text is the whole of the only message. */
export type Prompt = 'answer' | 'refuse' | 'break off' | 'never end';

interface Call {
  readonly stream?: boolean;
  readonly messages: readonly { readonly content: Prompt }[];
}

const OPENAI_CHUNK = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' };
const ANTHROPIC_MESSAGE = { id: 'm1', type: 'message', role: 'assistant', model: 'm', stop_reason: null, stop_sequence: null };
const USAGE = { input_tokens: 3, output_tokens: 2 };

export class LlmServer {
  /** Requests that came in. */
  requests = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** @returns the base URL */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const { stream, messages } = (await json(request)) as Call;
    const prompt = messages[0]?.content ?? 'answer';
    const isOpenAi = request.url?.startsWith('/chat/') === true;
    if (prompt === 'refuse') return send(response, 400, { error: { type: 'invalid_request_error', message: 'no' } });
    if (stream !== true) return send(response, 200, isOpenAi ? openAiAnswer() : anthropicAnswer());
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const events = isOpenAi ? openAiEvents() : anthropicEvents();
    const sent = prompt === 'answer' ? events : events.slice(0, -2);
    for (const event of sent) response.write(event);
    if (prompt === 'answer') response.end();
    else if (prompt === 'break off') setTimeout(() => response.destroy(), 5);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r1', 'request-id': 'r1' })
    .end(JSON.stringify(body));
}

function openAiAnswer() {
  const message = { role: 'assistant', content: '{"a":1}', refusal: null };
  return { id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, finish_reason: 'stop', message }] };
}

function openAiEvents(): string[] {
  const chunks = ['{"a"', ':1', '}'].map((content, index) => ({
    ...OPENAI_CHUNK,
    choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: index === 2 ? 'stop' : null }],
  }));
  return [...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), 'data: [DONE]\n\n'];
}

function anthropicAnswer() {
  return { ...ANTHROPIC_MESSAGE, stop_reason: 'end_turn', content: [{ type: 'text', text: 'hi' }], usage: USAGE };
}

function anthropicEvents(): string[] {
  const events = [
    { type: 'message_start', message: { ...ANTHROPIC_MESSAGE, content: [], usage: USAGE } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hi' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}
