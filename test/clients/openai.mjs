// The openai package, with the base URLs that its users write.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { key, sleep } from './world.mjs';

const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'Weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];
const user = (content) => ({ role: 'user', content });
const ask = (more) => ({ model: 'mock-echo', messages: [user('Good morning, provider.')], ...more });

async function chat(client, test) {
  await test('chat, plain', async () => {
    const { data, response } = await client.chat.completions.create(ask()).withResponse();
    assert.equal(data.choices[0].message.content, 'Good morning, provider.');
    assert.equal(data.choices[0].finish_reason, 'stop');
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.ok(data._request_id);
    assert.equal(response.headers.get('openai-organization'), null);
    assert.equal(response.headers.get('set-cookie'), null);
  });
  await test('chat, streamed', async () => {
    let text = '';
    let last;
    for await (const chunk of await client.chat.completions.create(ask({ stream: true }))) {
      assert.ok(chunk.choices.length > 0, 'no chunk that was not asked for');
      text += chunk.choices[0].delta.content ?? '';
      last = chunk.choices[0].finish_reason ?? last;
    }
    assert.equal(text, 'Good morning, provider.');
    assert.equal(last, 'stop');
  });
  await test('chat, streamed with usage', async () => {
    const chunks = [];
    for await (const c of await client.chat.completions.create(ask({ stream: true, stream_options: { include_usage: true } }))) chunks.push(c);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
  });
  await test('chat, stream helper', async () => {
    let heard = '';
    const stream = client.chat.completions.stream(ask({ model: 'mock-events-100' })).on('content', (d) => (heard += d));
    const whole = await stream.finalChatCompletion();
    assert.equal(whole.choices[0].message.content, heard);
    assert.equal(heard.length, 800);
  });
  await test('chat, refusal and length', async () => {
    const refused = await client.chat.completions.stream(ask({ model: 'mock-refusal' })).finalChatCompletion();
    assert.ok(refused.choices[0].message.refusal);
    const cut = await client.chat.completions.create(ask({ model: 'mock-length' }));
    assert.equal(cut.choices[0].finish_reason, 'length');
  });
  for (const streamed of [false, true]) {
    await test(`chat, tools, ${streamed ? 'streamed' : 'plain'}, and the turn after`, async () => {
      const body = ask({ model: 'mock-tools-2', tools });
      const first = streamed ? await client.chat.completions.stream(body).finalChatCompletion() : await client.chat.completions.create(body);
      const { message, finish_reason: why } = first.choices[0];
      assert.equal(why, 'tool_calls');
      assert.deepEqual(message.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]), [['get_weather', { city: 'Oslo' }], ['get_weather', { city: 'Rome' }]]);
      const results = message.tool_calls.map((c) => ({ role: 'tool', tool_call_id: c.id, content: 'Sunny' }));
      const { choices } = await client.chat.completions.create({ ...body, messages: [...body.messages, message, ...results] });
      assert.equal(choices[0].finish_reason, 'stop');
    });
  }
}

async function responses(client, test) {
  await test('responses, plain', async () => {
    const r = await client.responses.create({ model: 'mock-echo', input: 'Good evening.' });
    assert.equal(r.output_text, 'Good evening.');
    assert.equal(r.status, 'completed');
    assert.ok(r.usage.total_tokens > 0);
  });
  await test('responses, streamed', async () => {
    let text = '';
    let last;
    for await (const e of await client.responses.create({ model: 'mock-echo', input: 'Good evening.', stream: true })) {
      if (e.type === 'response.output_text.delta') text += e.delta;
      last = e.type;
    }
    assert.equal(text, 'Good evening.');
    assert.equal(last, 'response.completed');
  });
  await test('responses, stream helper', async () => {
    const r = await client.responses.stream({ model: 'mock-events-50', input: 'Count.' }).finalResponse();
    assert.equal(r.output[0].content[0].text.length, 400);
  });
  await test('responses, tools', async () => {
    const flat = tools.map((t) => ({ type: 'function', ...t.function, strict: false }));
    const r = await client.responses.stream({ model: 'mock-tools', input: 'Weather?', tools: flat }).finalResponse();
    const call = r.output.find((o) => o.type === 'function_call');
    assert.equal(call.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.arguments), { city: 'Oslo' });
  });
}

async function others(client, test) {
  await test('completions, plain and streamed', async () => {
    const c = await client.completions.create({ model: 'mock-echo', prompt: 'Once upon a time' });
    assert.equal(c.choices[0].text, 'Once upon a time');
    let text = '';
    for await (const d of await client.completions.create({ model: 'mock-echo', prompt: 'Once upon a time', stream: true })) text += d.choices[0]?.text ?? '';
    assert.equal(text, 'Once upon a time');
  });
  await test('embeddings', async () => {
    const e = await client.embeddings.create({ model: 'text-embedding-mock', input: ['one', 'two', 'three'] });
    assert.deepEqual(e.data.map((d) => d.index), [0, 1, 2]);
    assert.ok(e.data.every((d) => d.embedding.length > 0 && d.embedding.every((x) => Number.isFinite(x))));
    const plain = await client.embeddings.create({ model: 'text-embedding-mock', input: 'one', encoding_format: 'float' });
    assert.deepEqual(Array.from(plain.data[0].embedding, (x) => x.toFixed(5)), Array.from(e.data[0].embedding, (x) => x.toFixed(5)));
  });
  await test('moderations, also without a model', async () => {
    const m = await client.moderations.create({ model: 'omni-moderation-latest', input: ['a kind word', 'another'] });
    assert.equal(m.results.length, 2);
    assert.equal(typeof m.results[0].flagged, 'boolean');
    const d = await client.moderations.create({ input: 'a kind word' });
    assert.equal(d.results.length, 1);
  });
  await test('models', async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert.ok(ids.includes('gpt-mock'));
    const one = await client.models.retrieve('gpt-mock');
    assert.equal(one.object, 'model');
    await assert.rejects(client.models.retrieve('nobody-has-this'), OpenAI.NotFoundError);
  });
}

async function failures(client, test, world) {
  await test('errors keep their class', async () => {
    for (const [status, kind] of [[400, OpenAI.BadRequestError], [429, OpenAI.RateLimitError], [500, OpenAI.InternalServerError]]) {
      await assert.rejects(client.chat.completions.create(ask({ model: `mock-${status}` })), (e) => e instanceof kind && e.status === status);
    }
    await assert.rejects(client.chat.completions.create(ask({ model: 'nobody-has-this' })), (e) => e instanceof OpenAI.NotFoundError && /Unknown model/.test(e.message));
    const stranger = new OpenAI({ baseURL: `${world.base}/v1`, apiKey: 'sk-slc-stranger-1', maxRetries: 2 });
    await assert.rejects(stranger.chat.completions.create(ask()), (e) => e instanceof OpenAI.AuthenticationError && /Authentication failed/.test(e.message));
  });
  await test('an error inside the stream, and a cut one, reach the application', async () => {
    for (const model of ['mock-error-3', 'mock-cut-3']) {
      await assert.rejects(client.chat.completions.stream(ask({ model })).finalChatCompletion(), undefined, model);
    }
  });
}

async function aborts(client, test, world) {
  await test('abort: the provider sees it within a second', async () => {
    const stream = client.chat.completions.stream(ask({ model: 'mock-events-100000-slow-20ms' }));
    let n = 0;
    stream.on('content', () => ++n === 3 && stream.abort());
    await assert.rejects(stream.finalChatCompletion());
    await world.providerIsIdle();
  });
  await test('abort of a stream of the Responses API', async () => {
    const stop = new AbortController();
    const answer = client.responses.create({ model: 'mock-events-100000-slow-20ms', input: 'Go on.', stream: true }, { signal: stop.signal });
    await world.providerIsStreaming();
    await sleep(50);
    stop.abort();
    await answer.then(async (s) => { for await (const _ of s); }).catch(() => {});
    await world.providerIsIdle();
  });
}

async function inParallel(client, test) {
  await test('50 in parallel, streamed and plain', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const body = ask({ messages: [user(`This is number ${i}, and only ${i}.`)] });
        const whole = i % 2 ? await client.chat.completions.create(body) : await client.chat.completions.stream(body).finalChatCompletion();
        assert.equal(whole.choices[0].message.content, `This is number ${i}, and only ${i}.`);
      }),
    );
  });
}

export default async function openai(world) {
  const test = (what, run, ms) => world.test(`openai: ${what}`, run, ms);
  const client = new OpenAI({ baseURL: `${world.base}/v1`, apiKey: key, maxRetries: 0 });
  await chat(client, test);
  await responses(client, test);
  await others(client, test);
  await failures(client, test, world);
  await aborts(client, test, world);
  await inParallel(client, test);
  for (const base of ['/v1/', '/api/v1', '']) {
    await test(`base URL ending in "${base}"`, async () => {
      const other = new OpenAI({ baseURL: world.base + base, apiKey: key, maxRetries: 0 });
      const c = await other.chat.completions.create(ask());
      assert.equal(c.choices[0].message.content, 'Good morning, provider.');
    });
  }
}
