// What the official clients make of a stream that a hard budget has ended: an answer that used up its tokens.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import Anthropic0 from 'anthropic-sdk-0';
import { OpenRouter } from '@openrouter/sdk';
import OpenAI from 'openai';
import { poorKeys } from './world.mjs';

const text = 'mock-dear-events-2000-slow-20ms';
const call = 'mock-dear-tools-2-slow-250ms'; // it ends within a call's arguments
const user = (content) => ({ role: 'user', content });
const tool = { name: 'get_weather', description: 'Weather of a city', parameters: { type: 'object', properties: {} } };

async function anthropic(world, SDK, name, keys) {
  const [first, second] = keys.map((apiKey) => new SDK({ baseURL: world.base, apiKey, maxRetries: 0 }));
  const ask = (model) => ({ model, max_tokens: 100000, messages: [user('Count.')] });

  await world.test(`${name}: a hard budget ends a text`, async () => {
    let heard = '';
    const message = await first.messages.stream(ask(text)).on('text', (t) => (heard += t)).finalMessage();
    assert.equal(message.stop_reason, 'max_tokens');
    assert.equal(message.content[0].text, heard);
    assert.ok(heard.length > 80 && heard.length < 16000);
    assert.ok(Math.abs(message.usage.output_tokens - heard.length / 4) <= 1);
    await world.providerIsIdle();
  });
  await world.test(`${name}: a hard budget ends a call`, async () => {
    const { name: called, description, parameters } = tool;
    const tools = [{ name: called, description, input_schema: parameters }];
    const message = await second.messages.stream({ ...ask(call), tools }).finalMessage();
    assert.equal(message.stop_reason, 'max_tokens');
  });
}

async function openai(world, keys) {
  const clients = keys.map((apiKey) => new OpenAI({ baseURL: `${world.base}/v1`, apiKey, maxRetries: 0 }));
  const ask = (model) => ({ model, messages: [user('Count.')] });

  await world.test('openai: a hard budget ends a chat', async () => {
    let heard = '';
    const stream = clients[0].chat.completions.stream({ ...ask(text), stream_options: { include_usage: true } });
    const whole = await stream.on('content', (d) => (heard += d)).finalChatCompletion();
    assert.equal(whole.choices[0].finish_reason, 'length');
    assert.equal(whole.choices[0].message.content, heard);
    assert.ok(Math.abs(whole.usage.completion_tokens - heard.length / 4) <= 1);
  });
  await world.test('openai: a hard budget ends a call of a chat', async () => {
    const tools = [{ type: 'function', function: tool }];
    const whole = await clients[1].chat.completions.stream({ ...ask(call), tools }).finalChatCompletion();
    assert.equal(whole.choices[0].finish_reason, 'length');
  });
  // The helper of this version keeps its own view at response.incomplete: that event has the whole of it.
  const respond = async (client, request) => {
    let heard = '';
    let last;
    const stream = client.responses.stream(request).on('event', (e) => (last = e));
    stream.on('response.output_text.delta', (e) => (heard += e.delta));
    const own = await stream.finalResponse();
    assert.equal(last.type, 'response.incomplete');
    assert.equal(own.id, last.response.id);
    return { heard, own, whole: last.response };
  };
  await world.test('openai: a hard budget ends a response', async () => {
    const { heard, own, whole } = await respond(clients[2], { model: text, input: 'Count.' });
    assert.deepEqual([whole.status, whole.incomplete_details.reason], ['incomplete', 'max_output_tokens']);
    assert.deepEqual([own.output[0].content[0].text, whole.output[0].content[0].text], [heard, heard]);
    assert.equal(whole.output[0].status, 'incomplete');
    assert.ok(Math.abs(whole.usage.output_tokens - heard.length / 4) <= 1);
  });
  await world.test('openai: a hard budget ends a call of a response', async () => {
    const tools = [{ type: 'function', strict: false, ...tool }];
    const { own, whole } = await respond(clients[3], { model: call, input: 'Weather?', tools });
    assert.deepEqual(own.output.map((o) => [o.id, o.arguments]), whole.output.map((o) => [o.id, o.arguments]));
    assert.ok(own.output.some((o) => o.type === 'function_call'));
  });
}

async function openrouter(world, apiKey) {
  const client = new OpenRouter({ serverURL: `${world.base}/api/v1`, apiKey, retryConfig: { strategy: 'none' } });

  await world.test('@openrouter/sdk: a hard budget ends a chat', async () => {
    let reason;
    for await (const chunk of await client.chat.send({ chatRequest: { model: text, messages: [user('Count.')], stream: true } }))
      reason = chunk.choices[0]?.finishReason ?? reason;
    assert.equal(reason, 'length');
  });
}

export default async function budget(world) {
  await anthropic(world, Anthropic, '@anthropic-ai/sdk', poorKeys.slice(0, 2));
  await anthropic(world, Anthropic0, '@anthropic-ai/sdk 0', poorKeys.slice(2, 4));
  await openai(world, poorKeys.slice(4, 8));
  await openrouter(world, poorKeys[8]);
}
