// @openrouter/sdk, whose reading of answers is stricter than OpenAI's own.
import assert from 'node:assert/strict';
import { OpenRouter } from '@openrouter/sdk';
import { key } from './world.mjs';

const tools = [
  {
    type: 'function',
    function: { name: 'get_weather', description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const user = (content) => ({ role: 'user', content });
const ask = (more) => ({ chatRequest: { model: 'mock-echo', messages: [user('Good morning, provider.')], ...more } });

async function collect(stream) {
  const whole = { text: '', calls: [], reason: undefined, chunks: 0 };
  for await (const chunk of stream) {
    whole.chunks++;
    const choice = chunk.choices[0];
    whole.text += choice?.delta.content ?? '';
    for (const c of choice?.delta.toolCalls ?? []) {
      const call = (whole.calls[c.index] ??= { name: '', arguments: '' });
      call.name += c.function?.name ?? '';
      call.arguments += c.function?.arguments ?? '';
    }
    whole.reason = choice?.finishReason ?? whole.reason;
  }
  return whole;
}

export default async function openrouter(world) {
  const test = (what, run, ms) => world.test(`@openrouter/sdk: ${what}`, run, ms);
  const client = new OpenRouter({ serverURL: `${world.base}/api/v1`, apiKey: key, retryConfig: { strategy: 'none' }, timeoutMs: 15000 });

  await test('plain', async () => {
    const r = await client.chat.send(ask());
    assert.equal(r.choices[0].message.content, 'Good morning, provider.');
    assert.equal(r.choices[0].finishReason, 'stop');
    assert.ok(r.usage.totalTokens > 0);
  });
  await test('what a generation was', async () => {
    const r = await client.chat.send(ask());
    const { data } = await client.generations.getGeneration({ id: r.id });
    assert.equal(data.id, r.id);
    assert.equal(data.tokensCompletion, r.usage.completionTokens);
    assert.equal(data.finishReason, 'stop');
  });
  await test('streamed', async () => {
    const whole = await collect(await client.chat.send(ask({ stream: true })));
    assert.equal(whole.text, 'Good morning, provider.');
    assert.equal(whole.reason, 'stop');
  });
  await test('of another protocol, plain and streamed', async () => {
    const r = await client.chat.send(ask({ model: 'to-anthropic/mock-echo' }));
    assert.equal(r.choices[0].message.content, 'Good morning, provider.');
    const whole = await collect(await client.chat.send(ask({ model: 'to-anthropic/mock-echo', stream: true })));
    assert.equal(whole.text, 'Good morning, provider.');
  });
  await test('a hundred events', async () => {
    const whole = await collect(await client.chat.send(ask({ model: 'mock-events-100', stream: true })));
    assert.equal(whole.text.length, 800);
  });
  await test('tools, plain', async () => {
    const r = await client.chat.send(ask({ model: 'mock-tools', tools }));
    assert.equal(r.choices[0].finishReason, 'tool_calls');
    const [call] = r.choices[0].message.toolCalls;
    assert.equal(call.function.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Oslo' });
  });
  await test('tools, streamed', async () => {
    const whole = await collect(await client.chat.send(ask({ model: 'mock-tools-2', tools, stream: true })));
    assert.equal(whole.reason, 'tool_calls');
    assert.deepEqual(whole.calls.map((c) => [c.name, JSON.parse(c.arguments)]), [['get_weather', { city: 'Oslo' }], ['get_weather', { city: 'Rome' }]]);
  });
  await test('routing fields are kept from providers that do not know them', async () => {
    const r = await client.chat.send(ask({ provider: { allowFallbacks: false }, models: ['mock-echo'] }));
    assert.equal(r.choices[0].message.content, 'Good morning, provider.');
  });
  await test('a wrong key', async () => {
    const stranger = new OpenRouter({ serverURL: `${world.base}/api/v1`, apiKey: 'sk-slc-stranger-1', retryConfig: { strategy: 'none' } });
    await assert.rejects(stranger.chat.send(ask()), (e) => e.statusCode === 401);
  });
  await test('abort: the provider sees it within a second', async () => {
    const stop = new AbortController();
    const stream = await client.chat.send(ask({ model: 'mock-events-100000-slow-20ms', stream: true }), { fetchOptions: { signal: stop.signal } });
    let n = 0;
    await assert.rejects(async () => {
      for await (const _ of stream) if (++n === 3) stop.abort();
    });
    await world.providerIsIdle();
  });
  await test('50 in parallel, streamed and plain', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const said = `This is number ${i}, and only ${i}.`;
        const body = { messages: [user(said)] };
        const text = i % 2 ? (await client.chat.send(ask(body))).choices[0].message.content : (await collect(await client.chat.send(ask({ ...body, stream: true })))).text;
        assert.equal(text, said);
      }),
    );
  });
}
