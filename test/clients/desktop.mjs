// Claude Desktop's two requests, as it sends them in gateway mode: the list of
// models and a streamed message, with either kind of credential.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { ask, key } from './world.mjs';

const manners = {
  'anthropic-version': '2023-06-01',
  'user-agent': 'claude-desktop-3p/1.0',
  'x-app': 'cli',
};
const credentials = {
  bearer: { authorization: `Bearer ${key}` },
  'x-api-key': { 'x-api-key': key },
  both: { authorization: `Bearer ${key}`, 'x-api-key': key },
};

const turn = JSON.stringify({
  model: 'claude-mock',
  max_tokens: 32000,
  stream: true,
  system: [{ type: 'text', text: 'You are helpful.', cache_control: { type: 'ephemeral' } }],
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello from the desk.' }] }],
  tools: [{ name: 'get_time', description: 'Local time', input_schema: { type: 'object', properties: {} } }],
  thinking: { type: 'adaptive', display: 'omitted' },
  metadata: { user_id: '{"device_id":"d","account_uuid":"","session_id":"s"}' },
});

function events(body) {
  return [...body.toString().matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map((m) => [m[1], JSON.parse(m[2])]);
}

function curl(args) {
  return new Promise((done, fail) => {
    const p = spawn('curl', ['-sS', '-N', '--max-time', '10', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    p.stdout.on('data', (d) => (out += d));
    p.on('error', fail);
    p.on('close', (code) => (code === 0 ? done(out) : fail(new Error(`curl ended with ${code}`))));
  });
}

export default async function desktop(world) {
  for (const prefix of ['/v1', '/api/v1', '']) {
    for (const [kind, headers] of Object.entries(credentials)) {
      await world.test(`desktop: GET ${prefix}/models, ${kind}`, async () => {
        const a = await ask(world.port, { path: `${prefix}/models?limit=1000`, headers: { ...manners, ...headers } });
        assert.equal(a.status, 200, a.body.toString());
        const list = JSON.parse(a.body);
        const mine = list.data.find((m) => m.id === 'claude-mock');
        assert.ok(mine, 'claude-mock is listed');
        assert.equal(mine.type, 'model');
        assert.equal(mine.display_name, 'Mock Claude');
        assert.ok(!Number.isNaN(Date.parse(mine.created_at)));
        assert.equal(list.has_more, false);
        assert.equal(list.first_id, list.data[0].id);
        assert.equal(list.last_id, list.data.at(-1).id);
      });
      await world.test(`desktop: POST ${prefix}/messages, ${kind}`, async () => {
        const a = await ask(world.port, {
          method: 'POST',
          path: `${prefix}/messages?beta=true`,
          headers: { ...manners, ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(turn), accept: 'application/json' },
          body: turn,
        });
        assert.equal(a.status, 200, a.body.toString());
        assert.match(a.headers['content-type'], /^text\/event-stream/);
        assert.equal(a.headers['content-length'], undefined);
        assert.ok(a.headers['request-id'] && a.headers['x-request-id']);
        assert.ok(a.headers['x-sluice-request-id']);
        const seen = events(a.body);
        assert.equal(seen[0][0], 'message_start');
        assert.equal(seen.at(-1)[0], 'message_stop');
        for (const [name, data] of seen) assert.equal(name, data.type);
        const text = seen.filter(([, d]) => d.delta?.type === 'text_delta').map(([, d]) => d.delta.text).join('');
        assert.equal(text, 'Hello from the desk.');
      });
    }
  }
  await world.test('desktop: both by curl', async () => {
    const list = JSON.parse(await curl(['-H', `authorization: Bearer ${key}`, '-H', 'anthropic-version: 2023-06-01', `${world.base}/v1/models`]));
    assert.ok(list.data.length > 0);
    const out = await curl(['-H', `x-api-key: ${key}`, '-H', 'content-type: application/json', '-d', turn, `${world.base}/v1/messages`]);
    assert.ok(out.startsWith('event: message_start\n'));
    assert.ok(out.endsWith('\n\n'));
  });
  await world.test('desktop: a wrong key is a 401 in the right envelope', async () => {
    const a = await ask(world.port, { method: 'POST', path: '/v1/messages', headers: { ...manners, 'x-api-key': 'sk-slc-wrong-1', 'content-type': 'application/json', 'content-length': turn.length }, body: turn });
    assert.equal(a.status, 401);
    assert.equal(a.headers['x-should-retry'], 'false');
    const e = JSON.parse(a.body);
    assert.equal(e.type, 'error');
    assert.equal(e.error.type, 'authentication_error');
    assert.match(e.error.message, /^Authentication failed/);
  });
  for (const at of ['/', '/api/hello']) {
    await world.test(`desktop: HEAD ${at} without a key`, async () => {
      const a = await ask(world.port, { method: 'HEAD', path: at });
      assert.equal(a.status, 200);
      assert.equal(a.body.length, 0);
    });
  }
}
