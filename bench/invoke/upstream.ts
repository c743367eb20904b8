import { createServer } from 'node:http';
import { UPSTREAM_MS } from './connections.ts';
import { ANSWER } from './stubbed-runtime.ts';

const COMPLETION = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_764_000_000,
  model: 'stub',
  choices: [{ index: 0, message: { role: 'assistant', content: 'On Friday.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 210, completion_tokens: 90, total_tokens: 300 },
});

/** Answers Converse, and a chat completion for the gateway, each after the same time. Tells its port to its parent. */
const server = createServer((request, response) => {
  request.resume();
  const body = request.url?.startsWith('/v1/') === true ? COMPLETION : ANSWER;
  setTimeout(() => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }, UPSTREAM_MS);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
process.once('disconnect', () => process.exit());
