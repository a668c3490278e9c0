// @anthropic-ai/sdk, today's and the one many still have (which sends its key in
// another header and `?beta=true`).
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import Anthropic0 from 'anthropic-sdk-0';
import { key, sleep } from './world.mjs';

const tools = [
  {
    name: 'get_weather',
    description: 'Weather of a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];
const user = (content) => ({ role: 'user', content });
const textOf = (message) => message.content.filter((b) => b.type === 'text').map((b) => b.text).join('');

function suiteFor(world, SDK, name) {
  const client = new SDK({ baseURL: world.base, apiKey: key, maxRetries: 0 });
  const test = (what, run, ms) => world.test(`${name}: ${what}`, run, ms);
  const ask = (more) => ({ model: 'mock-echo', max_tokens: 256, messages: [user('Good morning, provider.')], ...more });
  return { client, test, ask };
}

async function messages({ client, test, ask }) {
  await test('plain', async () => {
    const { data, response, request_id: id } = await client.messages.create(ask()).withResponse();
    assert.equal(textOf(data), 'Good morning, provider.');
    assert.equal(data.stop_reason, 'end_turn');
    assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
    assert.ok(id, 'request-id');
    assert.equal(data._request_id, id);
    assert.ok(response.headers.get('x-sluice-request-id'));
    assert.equal(response.headers.get('set-cookie'), null);
    assert.equal(response.headers.get('anthropic-organization-id'), null);
  });
  await test('streamed', async () => {
    const seen = [];
    let text = '';
    for await (const e of await client.messages.create(ask({ stream: true }))) {
      seen.push(e.type);
      if (e.type === 'content_block_delta') text += e.delta.text;
    }
    assert.equal(seen[0], 'message_start');
    assert.equal(seen.at(-1), 'message_stop');
    assert.equal(text, 'Good morning, provider.');
  });
  await test('stream helper', async () => {
    let heard = '';
    const stream = client.messages.stream(ask({ model: 'mock-events-100' })).on('text', (t) => (heard += t));
    const message = await stream.finalMessage();
    assert.equal(textOf(message), heard);
    assert.equal(heard.length, 800);
    assert.equal(message.stop_reason, 'end_turn');
    assert.ok(stream.request_id);
  });
  await test('characters of several bytes, cut anywhere', async () => {
    const message = await client.messages.stream(ask({ model: 'mock-splitutf8' })).finalMessage();
    assert.match(textOf(message), /日本語/);
    assert.ok(!textOf(message).includes('\ufffd'));
  });
  await test('thinking', async () => {
    const message = await client.messages.stream(ask({ model: 'mock-thinking', max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 } })).finalMessage();
    const block = message.content.find((b) => b.type === 'thinking');
    assert.equal(block.thinking, 'Let me think.');
    assert.ok(block.signature);
  });
  await test('tokens are counted', async () => {
    const { input_tokens: n } = await client.messages.countTokens({ model: 'mock-echo', messages: [user('How long is this?')] });
    assert.ok(n > 0);
  });
}

async function toolUse({ client, test, ask }) {
  for (const streamed of [false, true]) {
    await test(`tools, ${streamed ? 'streamed' : 'plain'}, and the turn after`, async () => {
      const body = ask({ model: 'mock-tools-2', tools, messages: [user('Weather in two cities?')] });
      const first = streamed ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
      assert.equal(first.stop_reason, 'tool_use');
      const calls = first.content.filter((b) => b.type === 'tool_use');
      assert.deepEqual(calls.map((c) => [c.name, c.input]), [['get_weather', { city: 'Oslo' }], ['get_weather', { city: 'Rome' }]]);
      const results = calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: `Sunny in ${c.input.city}` }));
      const second = await client.messages.create({ ...body, messages: [...body.messages, { role: 'assistant', content: first.content }, { role: 'user', content: results }] });
      assert.equal(second.stop_reason, 'end_turn');
      assert.ok(textOf(second).length > 0);
    });
  }
}

async function failures({ client, test, ask }, world, SDK) {
  await test('a wrong key is an AuthenticationError', async () => {
    const stranger = new SDK({ baseURL: world.base, apiKey: 'sk-slc-stranger-1', maxRetries: 2 });
    await assert.rejects(stranger.messages.create(ask()), (e) => e instanceof SDK.AuthenticationError && /Authentication failed/.test(e.message));
  });
  await test('an unknown model is a NotFoundError', async () => {
    await assert.rejects(client.messages.create(ask({ model: 'nobody-has-this' })), (e) => e instanceof SDK.NotFoundError && /Unknown model/.test(e.message));
  });
  await test("the provider's errors keep their class", async () => {
    for (const [status, kind] of [[400, SDK.BadRequestError], [429, SDK.RateLimitError], [500, SDK.InternalServerError], [529, SDK.InternalServerError]]) {
      await assert.rejects(client.messages.create(ask({ model: `mock-${status}` })), (e) => e instanceof kind && e.status === status);
    }
  });
  await test('an error inside the stream reaches the application', async () => {
    await assert.rejects(client.messages.stream(ask({ model: 'mock-error-3' })).finalMessage(), (e) => e instanceof SDK.APIError && /overloaded/i.test(JSON.stringify(e.error ?? e.message)));
  });
  await test('a stream cut by the provider is never taken for whole', async () => {
    await assert.rejects(client.messages.stream(ask({ model: 'mock-cut-3' })).finalMessage());
  });
}

async function aborts({ client, test, ask }, world) {
  await test('abort: the provider sees it within a second', async () => {
    const stream = client.messages.stream(ask({ model: 'mock-events-100000-slow-20ms' }));
    let n = 0;
    stream.on('text', () => ++n === 3 && stream.abort());
    await assert.rejects(stream.finalMessage());
    await world.providerIsIdle();
  });
  await test('abort while the provider is silent', async () => {
    const stop = new AbortController();
    const answer = client.messages.create(ask({ model: 'mock-events-3-slow-600s', stream: true }), { signal: stop.signal });
    await world.providerIsStreaming();
    await sleep(50);
    stop.abort();
    await answer.then(async (s) => { for await (const _ of s); }).catch(() => {});
    await world.providerIsIdle();
  });
  await test('leaving a loop early', async () => {
    for await (const e of await client.messages.create(ask({ model: 'mock-events-100000-slow-20ms', stream: true }))) {
      if (e.type === 'content_block_delta') break;
    }
    await world.providerIsIdle();
  });
}

async function inParallel({ client, test, ask }) {
  await test('50 in parallel, streamed and plain', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const body = ask({ messages: [user(`This is number ${i}, and only ${i}.`)] });
        const message = i % 2 ? await client.messages.create(body) : await client.messages.stream(body).finalMessage();
        assert.equal(textOf(message), `This is number ${i}, and only ${i}.`);
      }),
    );
  });
}

async function models({ client, test }, SDK) {
  await test('models', async () => {
    const ids = [];
    for await (const m of client.models.list({ limit: 2 })) ids.push(m.id);
    assert.ok(ids.includes('claude-mock'));
    assert.equal(new Set(ids).size, ids.length, 'no model twice');
    const one = await client.models.retrieve('claude-mock');
    assert.equal(one.id, 'claude-mock');
    assert.equal(one.display_name, 'Mock Claude');
    await assert.rejects(client.models.retrieve('nobody-has-this'), (e) => e instanceof SDK.NotFoundError);
  });
}

export default async function anthropic(world) {
  for (const [SDK, name] of [[Anthropic, '@anthropic-ai/sdk'], [Anthropic0, '@anthropic-ai/sdk 0.60']]) {
    const suite = suiteFor(world, SDK, name);
    await messages(suite);
    await toolUse(suite);
    await failures(suite, world, SDK);
    await aborts(suite, world);
    await inParallel(suite);
    await models(suite, SDK);
    await suite.test('beta', async () => {
      const { client, ask } = suite;
      const message = await client.beta.messages.stream({ ...ask({ model: 'mock-tools' }), tools, betas: ['interleaved-thinking-2025-05-14', 'a-beta-of-tomorrow'] }).finalMessage();
      assert.equal(message.stop_reason, 'tool_use');
    });
  }
}
