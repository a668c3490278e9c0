// Event by event: what comes through the gateway is what the provider sent. The
// mock answers the same body with the same bytes, so its answer without the
// gateway is the measure.
import assert from 'node:assert/strict';
import { ask, key, providerKey } from './world.mjs';

const models = ['mock-echo', 'mock-thinking', 'mock-tools-2', 'mock-refusal', 'mock-length', 'mock-json', 'mock-splitutf8', 'mock-split-7', 'mock-events-300', 'mock-bytes-20000', 'mock-big-2m', 'mock-events-20-slow-5ms', 'mock-eofbody', 'mock-early-2'];

const kinds = {
  messages: {
    path: '/v1/messages',
    body: (model, stream) => ({ model, max_tokens: 64, stream, messages: [{ role: 'user', content: 'Same bytes, ähnlich – 同じ 🙂' }] }),
  },
  'chat/completions': {
    path: '/v1/chat/completions',
    body: (model, stream) => ({ model, stream, ...(stream ? { stream_options: { include_usage: true } } : {}), messages: [{ role: 'user', content: 'Same bytes, ähnlich – 同じ 🙂' }] }),
  },
  completions: {
    path: '/v1/completions',
    body: (model, stream) => ({ model, stream, ...(stream ? { stream_options: { include_usage: true } } : {}), prompt: 'Same bytes 🙂' }),
  },
  responses: {
    path: '/v1/responses',
    body: (model, stream) => ({ model, stream, input: 'Same bytes, ähnlich – 同じ 🙂' }),
  },
};

// Straight to the provider with its own key, or to the gateway with a client's.
function post(world, port, path, body) {
  const bytes = Buffer.from(JSON.stringify(body));
  return ask(port, { method: 'POST', path, headers: { 'content-type': 'application/json', 'content-length': bytes.length, authorization: `Bearer ${port === world.plain ? providerKey : key}` }, body: bytes });
}

export function events(bytes) {
  return bytes.toString('latin1').split(/(?<=\n\n)/);
}

function same(direct, through) {
  assert.equal(through.status, direct.status);
  assert.equal(through.headers['content-type'], direct.headers['content-type']);
  if (direct.body.equals(through.body)) return;
  const [a, b] = [events(direct.body), events(through.body)];
  const at = a.findIndex((e, i) => e !== b[i]);
  assert.equal(b[at], a[at], `event ${at} of ${a.length} (${b.length} through the gateway)`);
  assert.equal(b.length, a.length);
}

export default async function sameBytes(world) {
  for (const [name, kind] of Object.entries(kinds)) {
    await world.test(`same bytes: ${name}, streamed and plain, ${models.length} kinds of answer`, async () => {
      for (const model of models) {
        for (const stream of [true, false]) {
          const body = kind.body(model, stream);
          const [direct, through] = await Promise.all([post(world, world.plain, kind.path, body), post(world, world.port, kind.path, body)]);
          try {
            assert.equal(direct.status, 200);
            if (stream && model !== 'mock-bytes-20000') assert.ok(events(direct.body).length > 2);
            same(direct, through);
          } catch (e) {
            throw new Error(`${model}${stream ? ', streamed' : ''}: ${e.message}`);
          }
        }
      }
    }, 60000);
  }

  await world.test('same bytes: a chat stream without usage asked for loses only the chunk that metering added', async () => {
    const asked = kinds['chat/completions'].body('mock-events-50', true);
    const { stream_options: _, ...plain } = asked;
    const anyId = (b) => Buffer.from(b.toString().replace(/"chatcmpl-[0-9a-f]+"/g, '"chatcmpl-"'));
    const direct = await post(world, world.plain, '/v1/chat/completions', asked);
    const through = await post(world, world.port, '/v1/chat/completions', plain);
    const without = events(direct.body).filter((e) => !e.includes('"choices":[]'));
    assert.equal(without.length, events(direct.body).length - 1);
    same({ ...direct, body: anyId(Buffer.from(without.join(''), 'latin1')) }, { ...through, body: anyId(through.body) });
  });

  await world.test("same bytes: the provider's errors pass unchanged", async () => {
    for (const status of [400, 404, 409, 413, 422, 429, 500, 503, 529]) {
      const body = kinds.messages.body(`mock-${status}`, true);
      const direct = await post(world, world.plain, '/v1/messages', body);
      const through = await post(world, world.port, '/v1/messages', body);
      assert.equal(direct.status, status);
      same(direct, through);
    }
  }, 60000);
}
