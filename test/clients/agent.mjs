// A provider with one idea: it has the tool of an agent read the file that the prompt names,
// and repeats what the tool said. In Anthropic's words and in chat completions, streamed only.
import http from 'node:http';

const calls = {
  Read: (file) => ({ file_path: file }),
  exec_command: (file) => ({ cmd: `cat ${file}` }),
  shell_command: (file) => ({ command: `cat ${file}` }),
  shell: (file) => ({ command: ['cat', file] }),
};

// What was asked, whatever the protocol: the names of tools, the file, the last result.
function read(body) {
  const all = JSON.stringify(body.messages);
  const names = (body.tools ?? []).map((t) => t.name ?? t.function?.name);
  const last = body.messages.filter((m) => m.role !== 'system').at(-1);
  const blocks = Array.isArray(last.content) ? last.content : [];
  const result = last.role === 'tool' ? last : blocks.find((b) => b.type === 'tool_result');
  return {
    name: Object.keys(calls).find((n) => names.includes(n)),
    file: /note (\/[\w./-]+)/.exec(all)?.[1],
    said: result && (typeof result.content === 'string' ? result.content : result.content.map((b) => b.text ?? '').join('')),
  };
}

const halves = (s) => [s.slice(0, s.length / 2), s.slice(s.length / 2)];

function* messages({ name, args, text }) {
  const block = (index, start, deltas) => [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
  const usage = { input_tokens: 70, cache_creation_input_tokens: 0, cache_read_input_tokens: 30, output_tokens: 1 };
  yield { type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'agent', content: [], stop_reason: null, stop_sequence: null, usage } };
  if (name) yield* block(0, { type: 'tool_use', id: 'toolu_1', name, input: {} }, halves(args).map((p) => ({ type: 'input_json_delta', partial_json: p })));
  else yield* block(0, { type: 'text', text: '' }, halves(text).map((t) => ({ type: 'text_delta', text: t })));
  yield { type: 'message_delta', delta: { stop_reason: name ? 'tool_use' : 'end_turn', stop_sequence: null }, usage: { ...usage, output_tokens: 20 } };
  yield { type: 'message_stop' };
}

function* chunks({ name, args, text }) {
  const chunk = (delta, reason = null) => ({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'agent', choices: [{ index: 0, delta, finish_reason: reason }] });
  yield chunk({ role: 'assistant', content: '' });
  if (name) {
    yield chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: '' } }] });
    for (const p of halves(args)) yield chunk({ tool_calls: [{ index: 0, function: { arguments: p } }] });
  } else {
    for (const t of halves(text)) yield chunk({ content: t });
  }
  yield chunk({}, name ? 'tool_calls' : 'stop');
  yield { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'agent', choices: [], usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120, prompt_tokens_details: { cached_tokens: 30 } } };
}

export async function startAgent() {
  const agent = { asked: [] };
  agent.server = http.createServer((q, a) => {
    const parts = [];
    q.on('data', (d) => parts.push(d));
    q.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts));
      const { name, file, said } = read(body);
      const acts = name && file && said === undefined;
      const answer = acts ? { name, args: JSON.stringify(calls[name](file)) } : { text: said === undefined ? 'I have nothing to do.' : `The note says: ${said}` };
      const anthropic = q.url.includes('/messages');
      agent.asked.push({ path: q.url, body });
      a.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const e of anthropic ? messages(answer) : chunks(answer)) a.write(`${anthropic ? `event: ${e.type}\n` : ''}data: ${JSON.stringify(e)}\n\n`);
      a.end(anthropic ? undefined : 'data: [DONE]\n\n');
    });
  });
  await new Promise((done) => agent.server.listen(0, '127.0.0.1', done));
  agent.port = agent.server.address().port;
  return agent;
}
