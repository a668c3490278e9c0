// The official clients at providers of the other protocol: what their strict parsers make of
// translated answers, plain and streamed.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import Anthropic0 from 'anthropic-sdk-0';
import OpenAI from 'openai';
import { key } from './world.mjs';

const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const cities = [['get_weather', { city: 'Oslo' }], ['get_weather', { city: 'Rome' }]];
const user = (content) => ({ role: 'user', content });
const textOf = (message) => message.content.filter((b) => b.type === 'text').map((b) => b.text).join('');

async function messages(world, SDK, name) {
  const client = new SDK({ baseURL: world.base, apiKey: key, maxRetries: 0 });
  const test = (what, run) => world.test(`${name} on chat completions: ${what}`, run);
  const ask = (word, more) => ({ model: `to-openai/mock-${word}`, max_tokens: 256, messages: [user('Good morning, provider.')], ...more });
  const tools = [{ name: 'get_weather', description: 'Weather of a city', input_schema: schema }];

  await test('plain', async () => {
    const message = await client.messages.create(ask('echo'));
    assert.equal(textOf(message), 'Good morning, provider.');
    assert.equal(message.stop_reason, 'end_turn');
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  });
  await test('stream helper', async () => {
    let heard = '';
    const message = await client.messages.stream(ask('events-100')).on('text', (t) => (heard += t)).finalMessage();
    assert.equal(textOf(message), heard);
    assert.equal(heard.length, 800);
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  });
  await test('characters of several bytes, cut anywhere', async () => {
    assert.match(textOf(await client.messages.stream(ask('splitutf8')).finalMessage()), /日本語/);
  });
  await test('thinking', async () => {
    const message = await client.messages.stream(ask('thinking', { max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 } })).finalMessage();
    const block = message.content.find((b) => b.type === 'thinking');
    assert.ok(block.thinking.length > 0 && block.signature);
    const next = await client.messages.create(ask('echo', { messages: [user('q'), { role: 'assistant', content: message.content }, user('And now?')] }));
    assert.equal(textOf(next), 'And now?');
  });
  for (const streamed of [false, true]) {
    await test(`tools, ${streamed ? 'streamed' : 'plain'}, and the turn after`, async () => {
      const body = ask('tools-2', { tools });
      const first = streamed ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
      assert.equal(first.stop_reason, 'tool_use');
      const calls = first.content.filter((b) => b.type === 'tool_use');
      assert.deepEqual(calls.map((c) => [c.name, c.input]), cities);
      const results = calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: 'Sunny' }));
      const second = await client.messages.create({ ...body, messages: [...body.messages, { role: 'assistant', content: first.content }, user(results)] });
      assert.equal(second.stop_reason, 'end_turn');
    });
  }
  await test('refusal and length', async () => {
    assert.equal((await client.messages.create(ask('refusal'))).stop_reason, 'refusal');
    assert.equal((await client.messages.stream(ask('length')).finalMessage()).stop_reason, 'max_tokens');
  });
  await test('errors, before a stream and inside it', async () => {
    for (const [status, kind] of [[400, SDK.BadRequestError], [429, SDK.RateLimitError], [503, SDK.InternalServerError]])
      await assert.rejects(client.messages.create(ask(`${status}`)), (e) => e instanceof kind);
    await assert.rejects(client.messages.stream(ask('error-3')).finalMessage(), (e) => e instanceof SDK.APIError);
    await assert.rejects(client.messages.stream(ask('cut-3')).finalMessage());
  });
}

async function chat(world) {
  const client = new OpenAI({ baseURL: `${world.base}/v1`, apiKey: key, maxRetries: 0 });
  const test = (what, run) => world.test(`openai on messages: ${what}`, run);
  const ask = (word, more) => ({ model: `to-anthropic/mock-${word}`, messages: [user('Good morning, provider.')], ...more });
  const tools = [{ type: 'function', function: { name: 'get_weather', description: 'Weather of a city', parameters: schema } }];

  await test('plain', async () => {
    const whole = await client.chat.completions.create(ask('echo'));
    assert.equal(whole.choices[0].message.content, 'Good morning, provider.');
    assert.equal(whole.choices[0].finish_reason, 'stop');
    assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);
  });
  await test('stream helper', async () => {
    let heard = '';
    const whole = await client.chat.completions.stream(ask('events-100')).on('content', (d) => (heard += d)).finalChatCompletion();
    assert.equal(whole.choices[0].message.content, heard);
    assert.equal(heard.length, 800);
  });
  await test('streamed, with usage and without', async () => {
    const chunks = [];
    for await (const c of await client.chat.completions.create(ask('echo', { stream: true, stream_options: { include_usage: true } }))) chunks.push(c);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
    for await (const c of await client.chat.completions.create(ask('echo', { stream: true }))) assert.ok(c.choices.length > 0);
  });
  await test('thinking', async () => {
    const whole = await client.chat.completions.create(ask('thinking', { reasoning_effort: 'high' }));
    assert.ok(whole.choices[0].message.reasoning_content.length > 0);
    const streamed = await client.chat.completions.stream(ask('thinking', { reasoning_effort: 'high' })).finalChatCompletion();
    assert.ok(streamed.choices[0].message.content.length > 0);
  });
  for (const streamed of [false, true]) {
    await test(`tools, ${streamed ? 'streamed' : 'plain'}, and the turn after`, async () => {
      const body = ask('tools-2', { tools });
      const first = streamed ? await client.chat.completions.stream(body).finalChatCompletion() : await client.chat.completions.create(body);
      const { message, finish_reason: why } = first.choices[0];
      assert.equal(why, 'tool_calls');
      assert.deepEqual(message.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]), cities);
      const results = message.tool_calls.map((c) => ({ role: 'tool', tool_call_id: c.id, content: 'Sunny' }));
      const { choices } = await client.chat.completions.create({ ...body, messages: [...body.messages, message, ...results] });
      assert.equal(choices[0].finish_reason, 'stop');
    });
  }
  await test('errors, before a stream and inside it', async () => {
    for (const [status, kind] of [[400, OpenAI.BadRequestError], [429, OpenAI.RateLimitError], [529, OpenAI.InternalServerError]])
      await assert.rejects(client.chat.completions.create(ask(`${status}`)), (e) => e instanceof kind);
    await assert.rejects(client.chat.completions.stream(ask('error-3')).finalChatCompletion(), (e) => e instanceof OpenAI.APIError);
    await assert.rejects(client.chat.completions.stream(ask('cut-3')).finalChatCompletion());
  });
}

async function responses(world, to) {
  const client = new OpenAI({ baseURL: `${world.base}/v1`, apiKey: key, maxRetries: 0 });
  const test = (what, run) => world.test(`openai responses on ${to}: ${what}`, run);
  const ask = (word, more) => ({ model: `to-${to}/mock-${word}`, input: 'Good morning, provider.', ...more });
  const tools = [{ type: 'function', name: 'get_weather', description: 'Weather of a city', parameters: schema, strict: false }];
  const calls = (r) => r.output.filter((o) => o.type === 'function_call');

  await test('plain', async () => {
    const whole = await client.responses.create(ask('echo', { instructions: 'Be brief.', metadata: { a: 'b' } }));
    assert.equal(whole.output_text, 'Good morning, provider.');
    assert.deepEqual([whole.status, whole.store, whole.instructions, whole.metadata], ['completed', false, 'Be brief.', { a: 'b' }]);
    assert.equal(whole.usage.total_tokens, whole.usage.input_tokens + whole.usage.output_tokens);
  });
  await test('stream helper', async () => {
    let heard = '';
    const whole = await client.responses.stream(ask('events-100')).on('response.output_text.delta', (e) => (heard += e.delta)).finalResponse();
    assert.equal(whole.output[0].content[0].text, heard);
    assert.equal(heard.length, 800);
    assert.ok(whole.usage.total_tokens > 0);
  });
  await test('raw events, numbered', async () => {
    const events = [];
    for await (const e of await client.responses.create(ask('thinking-tools-2', { tools, stream: true, reasoning: { effort: 'low' } }))) events.push(e);
    assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
    assert.equal(events.at(-1).type, 'response.completed');
    assert.ok(events.some((e) => e.type === 'response.reasoning_summary_text.delta'));
  });
  for (const streamed of [false, true]) {
    await test(`tools, ${streamed ? 'streamed' : 'plain'}, and the turn after`, async () => {
      const body = ask('tools-2', { tools, input: [user('Good morning, provider.')] });
      const first = streamed ? await client.responses.stream(body).finalResponse() : await client.responses.create(body);
      assert.deepEqual(calls(first).map((c) => [c.name, JSON.parse(c.arguments)]), cities);
      const results = calls(first).map((c) => ({ type: 'function_call_output', call_id: c.call_id, output: 'Sunny' }));
      const second = await client.responses.create({ ...body, input: [...body.input, ...first.output, ...results] });
      assert.equal(calls(second).length, 0);
      assert.equal(second.status, 'completed');
    });
  }
  await test('what nobody has kept', async () => {
    await assert.rejects(client.responses.create(ask('echo', { previous_response_id: 'resp_1' })), OpenAI.BadRequestError);
  });
  await test('errors, before a stream and inside it', async () => {
    for (const [status, kind] of [[400, OpenAI.BadRequestError], [429, OpenAI.RateLimitError], [529, OpenAI.InternalServerError]])
      await assert.rejects(client.responses.create(ask(`${status}`)), (e) => e instanceof kind);
    for (const word of ['error-3', 'cut-3']) {
      const events = [];
      for await (const e of await client.responses.create(ask(word, { stream: true }))) events.push(e);
      assert.equal(events.at(-1).type, 'response.failed');
      assert.equal(events.at(-1).response.status, 'failed');
    }
  });
}

export default async function translated(world) {
  await messages(world, Anthropic, '@anthropic-ai/sdk 1');
  await messages(world, Anthropic0, '@anthropic-ai/sdk 0');
  await chat(world);
  await responses(world, 'anthropic');
  await responses(world, 'chat');
}
