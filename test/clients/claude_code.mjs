// Claude Code in print mode, in a home of its own, with no traffic but ours.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, key } from './world.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = path.join(here, 'node_modules/.bin/claude');

function claude(world, args, { auth = 'ANTHROPIC_AUTH_TOKEN', token = key, kill } = {}) {
  const home = fs.mkdtempSync(path.join(world.dir, 'home-'));
  const work = path.join(home, 'work');
  fs.mkdirSync(work);
  const env = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: home,
    CLAUDE_CONFIG_DIR: path.join(home, '.claude'),
    ANTHROPIC_BASE_URL: world.base,
    [auth]: token,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_MAX_RETRIES: '1',
    DISABLE_AUTOUPDATER: '1',
    API_TIMEOUT_MS: '20000',
    NO_PROXY: '*',
  };
  return new Promise((done, fail) => {
    const p = spawn(program, ['-p', ...args], { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const late = setTimeout(() => p.kill('SIGKILL'), 60000);
    let out = '';
    let err = '';
    p.stdout.on('data', (d) => {
      out += d;
      if (kill && kill(out)) p.kill('SIGINT');
    });
    p.stderr.on('data', (d) => (err += d));
    p.on('error', fail);
    p.on('close', (code) => {
      clearTimeout(late);
      done({ code, out, err });
    });
  });
}

// What the mock says under the name claude-mock-brief: it would echo the last
// message, and Claude Code's last one describes its environment.
const brief = '0000000 0000001 0000002';
const lines = (out) => out.split('\n').filter(Boolean).map((l) => JSON.parse(l));

export default async function claudeCode(world) {
  const test = (what, run) => world.test(`claude-code: ${what}`, run, 70000);

  for (const auth of ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY']) {
    await test(`plain, ${auth}`, async () => {
      const r = await claude(world, ['--model', 'claude-mock-brief', '--output-format', 'json', 'Say good morning.'], { auth });
      assert.equal(r.code, 0, r.out + r.err);
      const result = JSON.parse(r.out);
      assert.equal(result.is_error, false);
      assert.equal(result.result.trim(), brief);
      assert.ok(result.usage.output_tokens > 0);
    });
  }
  await test('streamed', async () => {
    const r = await claude(world, ['--model', 'claude-mock-brief', '--output-format', 'stream-json', '--include-partial-messages', '--verbose', 'Count for me.']);
    assert.equal(r.code, 0, r.out + r.err);
    const events = lines(r.out).filter((l) => l.type === 'stream_event').map((l) => l.event);
    assert.equal(events[0].type, 'message_start');
    assert.equal(events.at(-1).type, 'message_stop');
    const text = events.filter((e) => e.delta?.type === 'text_delta').map((e) => e.delta.text).join('');
    assert.equal(text.trim(), brief);
  });
  await test('a tool call and the turn after', async () => {
    const r = await claude(world, ['--model', 'claude-mock-tools', '--output-format', 'stream-json', '--verbose', 'What is the weather?']);
    assert.equal(r.code, 0, r.out + r.err);
    const said = lines(r.out);
    const blocks = said.flatMap((l) => (Array.isArray(l.message?.content) ? l.message.content : []));
    assert.ok(blocks.some((b) => b.type === 'tool_use' && b.input.city === 'Oslo'), 'the call');
    assert.ok(blocks.some((b) => b.type === 'tool_result'), 'its result');
    assert.equal(said.at(-1).type, 'result');
    assert.equal(said.at(-1).is_error, false);
  });
  await test('a file read with its tool, at a provider of chat completions', async () => {
    const before = world.agent.asked.length;
    const note = path.join(world.dir, 'note.txt');
    fs.writeFileSync(note, 'the word is heron-4711');
    const r = await claude(world, ['--model', 'claude-at-chat', '--allowedTools', 'Read', '--add-dir', world.dir, '--output-format', 'stream-json', '--verbose', `Please read the note ${note} and tell me what it says.`]);
    assert.equal(r.code, 0, r.out + r.err);
    const said = lines(r.out);
    const blocks = said.flatMap((l) => (Array.isArray(l.message?.content) ? l.message.content : []));
    assert.ok(blocks.some((b) => b.type === 'tool_use' && b.name === 'Read'), 'the call');
    assert.match(JSON.stringify(blocks.find((b) => b.type === 'tool_result')), /heron-4711/);
    assert.match(said.at(-1).result, /The note says: .*heron-4711/s);
    const asked = world.agent.asked.slice(before);
    assert.ok(asked.every((a) => a.path === '/v1/chat/completions' && a.body.max_tokens <= 8192), 'there, for no more than it has');
  });
  await test('several at once', async () => {
    const all = await Promise.all(['one', 'two', 'three'].map((n) => claude(world, ['--model', 'claude-mock-brief', '--output-format', 'json', `Just say ${n}.`])));
    for (const r of all) assert.equal(JSON.parse(r.out).result.trim(), brief);
  });
  await test('interrupted: the provider sees it within a second', async () => {
    const r = claude(world, ['--model', 'mock-events-100000-slow-20ms', '--output-format', 'stream-json', '--include-partial-messages', '--verbose', 'Go on.'], { kill: (out) => out.includes('text_delta') });
    await r;
    await world.providerIsIdle();
  });
  await test('an unknown model is explained', async () => {
    const r = await claude(world, ['--model', 'nobody-has-this', '--output-format', 'json', 'Hello?']);
    assert.notEqual(r.code, 0);
    assert.match(r.out, /model/i);
  });
  await test('model discovery', async () => {
    const a = await ask(world.port, { path: '/v1/models?limit=1000', headers: { authorization: `Bearer ${key}`, 'anthropic-version': '2023-06-01', 'user-agent': 'claude-code/2.1.331' } });
    assert.ok(JSON.parse(a.body).data.some((m) => m.id.includes('claude')));
  });
}
