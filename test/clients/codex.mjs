// Codex CLI in print mode: it speaks the Responses API only, and runs a command that a provider
// of Messages, or of chat completions, has asked for.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { key } from './world.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = path.join(here, 'node_modules/.bin/codex');

function codex(world, model, prompt) {
  const home = fs.mkdtempSync(path.join(world.dir, 'codex-'));
  const work = path.join(home, 'work');
  fs.mkdirSync(work);
  const note = path.join(work, 'note.txt');
  fs.writeFileSync(note, 'the word is heron-4711');
  fs.writeFileSync(path.join(home, 'config.toml'), `
model = "${model}"
model_provider = "gateway"
[model_providers.gateway]
name = "gateway"
base_url = "${world.base}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
`);
  const env = { PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: home, CODEX_HOME: home, GATEWAY_KEY: key, NO_PROXY: '*' };
  const args = ['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt(note)];
  return new Promise((done, fail) => {
    const p = spawn(program, args, { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const late = setTimeout(() => p.kill('SIGKILL'), 60000);
    let out = '';
    let err = '';
    p.stdout.on('data', (d) => (out += d));
    p.stderr.on('data', (d) => (err += d));
    p.on('error', fail);
    p.on('close', (code) => {
      clearTimeout(late);
      done({ code, out, err, events: out.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l)) });
    });
  });
}

export default async function suite(world) {
  for (const [model, there] of [['gpt-at-anthropic', '/v1/messages'], ['claude-at-chat', '/v1/chat/completions']]) {
    await world.test(`codex: a command and the turn after, at ${there}`, async () => {
      const before = world.agent.asked.length;
      const r = await codex(world, model, (note) => `Please read the note ${note} and tell me what it says.`);
      assert.equal(r.code, 0, r.out + r.err);
      const items = r.events.filter((e) => e.type === 'item.completed').map((e) => e.item);
      const run = items.find((i) => i.type === 'command_execution');
      assert.ok(run, `no command was run: ${r.out}${r.err}`);
      assert.match(run.aggregated_output, /heron-4711/);
      assert.match(items.findLast((i) => i.type === 'agent_message').text, /The note says: .*heron-4711/s);
      const asked = world.agent.asked.slice(before);
      assert.ok(asked.length >= 2 && asked.every((a) => a.path.startsWith(there)), 'both turns went there');
      const { usage } = r.events.find((e) => e.type === 'turn.completed');
      assert.deepEqual([usage.input_tokens, usage.cached_input_tokens, usage.output_tokens], [200, 60, 40], 'tokens of both turns');
    }, 70000);
  }
}
