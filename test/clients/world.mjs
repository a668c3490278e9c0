// What the suites stand on: the mock provider and the gateway on ports of their
// own, and a place where tests report. Standard library only.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAgent } from './agent.mjs';

export const source = process.env.SLUICE_SOURCE ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = process.env.SLUICE_BUILD ?? path.join(source, 'build/asan');
export const programs = {
  gateway: process.env.SLUICE_BIN ?? path.join(build, 'sluice'),
  mock: process.env.SLUICE_MOCK_BIN ?? path.join(build, 'sluice-mock'),
};

// The provider takes this key and no other: a client's key that got through would be refused.
export const providerKey = 'sk-provider-of-the-mock';
export const key = 'sk-slc-clients-5f0e1d2c3b4a59687786958493a2b1c0';
// Of tenants whose hard budget ends a stream within a second.
export const poorKeys = Array.from({ length: 9 }, (_, i) => `sk-slc-poor${i}-0d1c2b3a495867768594a3b2c1d0e`);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const poorTenant = (poor, i) => `  - name: poor${i}
    keys: [{key: "${poor}"}]
    scopes: ["models:mock-dear-*"]
    limits: {reserve_output: 50}
    budget: {initial_credits: 0.002, hard: true}
`;
const configuration = ({ port, admin, tls, dir, agent }) => `
listen: 127.0.0.1:${port}
admin: {listen: "127.0.0.1:${admin}", key: "clients-admin-0123456789abcdef"}
log: {level: warn, access: stdout, format: json}
# Errors are asked for by the dozen here: they come back at once, and close nothing.
queue: {wait: 200ms}
retry: {attempts: 1}
breaker: {min_requests: 1000000}
providers:
  - name: mock-anthropic
    protocol: anthropic
    base_url: "https://localhost:${tls}"
    keys: ["${providerKey}"]
    tls: {ca_file: "${dir}/ca.pem"}
  - name: mock-openai
    protocol: openai
    responses: true
    base_url: "https://localhost:${tls}/v1/"
    keys: ["${providerKey}"]
    tls: {ca_file: "${dir}/ca.pem"}
  - name: mock-chat
    protocol: openai
    base_url: "https://localhost:${tls}/v1"
    keys: ["${providerKey}"]
    tls: {ca_file: "${dir}/ca.pem"}
  - name: agent-anthropic
    protocol: anthropic
    base_url: "http://127.0.0.1:${agent}"
  - name: agent-chat
    protocol: openai
    base_url: "http://127.0.0.1:${agent}/v1"
models:
  - name: "mock-*"
    targets: [{provider: mock-anthropic}, {provider: mock-openai}]
  - name: mock-429 # by itself: a limited provider rests
    targets: [{provider: mock-anthropic}, {provider: mock-openai}]
  - name: "mock-dear-*"
    targets:
      - {provider: mock-anthropic, price: {input: 3, output: 15}}
      - {provider: mock-openai, price: {input: 3, output: 15}}
  - name: "to-openai/*"
    targets: [{provider: mock-openai}]
  - name: "to-chat/*"
    targets: [{provider: mock-chat}]
  - name: gpt-at-anthropic
    targets: [{provider: agent-anthropic, model: claude-agent}]
  - name: claude-at-chat
    max_tokens_max: 8192
    targets: [{provider: agent-chat, model: gpt-agent}]
  - name: "to-anthropic/*"
    targets: [{provider: mock-anthropic}]
  - name: claude-mock
    display_name: Mock Claude
    aliases: [claude-mock-latest]
    targets: [{provider: mock-anthropic, model: mock-echo}]
  - name: claude-mock-brief
    targets: [{provider: mock-anthropic, model: mock-events-3}]
  - name: claude-mock-tools
    targets: [{provider: mock-anthropic, model: mock-tools}]
  - name: gpt-mock
    targets: [{provider: mock-openai, model: mock-echo}]
  - name: text-embedding-mock
    targets: [{provider: mock-openai}]
  - name: omni-moderation-latest
    targets: [{provider: mock-openai}]
default_models: {moderations: omni-moderation-latest}
tenants:
  - name: clients
    keys: [{name: tests, key: "${key}"}]
${poorKeys.map(poorTenant).join('')}`;

function freePort() {
  return new Promise((done, fail) => {
    const s = net.createServer().on('error', fail);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

// One whole answer: status, headers, the body's bytes without their framing.
export function ask(port, { method = 'GET', path: at = '/', headers = {}, body, timeout = 15000 } = {}) {
  return new Promise((done, fail) => {
    const r = http.request({ host: '127.0.0.1', port, method, path: at, headers, agent: false, timeout }, (answer) => {
      const parts = [];
      answer.on('data', (d) => parts.push(d));
      answer.on('error', fail);
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
    });
    r.on('timeout', () => r.destroy(new Error(`no answer within ${timeout} ms`)));
    r.on('error', fail);
    r.end(body);
  });
}

function start(name, args, dir, log) {
  const out = fs.openSync(path.join(dir, `${name}.out`), 'w');
  const p = spawn(programs[name], args, {
    cwd: dir,
    stdio: ['ignore', name === 'mock' ? 'pipe' : out, fs.openSync(log, 'w')],
    env: { ...process.env, HOME: dir, SLUICE_STATE_DIR: dir, SLUICE_RENEW_MS: '300' },
  });
  p.ended = new Promise((done) => p.on('close', (code, signal) => done(signal ?? code)));
  p.on('error', (e) => fs.writeFileSync(log, String(e)));
  return p;
}

function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class World {
  passed = 0;
  failed = 0;

  async open() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-clients-'));
    this.logs = { mock: path.join(this.dir, 'mock.log'), gateway: path.join(this.dir, 'gateway.log') };
    this.mock = start('mock', ['--quiet', '--key', providerKey, '--listen', '127.0.0.1:0', '--plain', '127.0.0.1:0', '--tls-dir', this.dir], this.dir, this.logs.mock);
    const ready = new Promise((done, fail) => {
      let said = '';
      this.mock.stdout.on('data', (d) => {
        said += d;
        const m = /ready tls=(\d+) plain=(\d+)/.exec(said);
        if (m) done(m);
      });
      this.mock.ended.then((code) => fail(new Error(`the mock provider ended with ${code}: ${this.words('mock')}`)));
    });
    const [, tls, plain] = await within(15000, ready, 'the mock provider');
    this.plain = Number(plain);
    this.agent = await startAgent();
    this.port = await freePort();
    this.admin = await freePort();
    const file = path.join(this.dir, 'gateway.yaml');
    fs.writeFileSync(file, configuration({ port: this.port, admin: this.admin, tls, dir: this.dir, agent: this.agent.port }));
    this.gateway = start('gateway', ['serve', '-c', file], this.dir, this.logs.gateway);
    this.base = `http://127.0.0.1:${this.port}`;
    for (let tries = 0; ; tries++) {
      if (this.gateway.exitCode !== null || tries > 300) throw new Error(`the gateway does not start: ${this.words('gateway')}`);
      try {
        if ((await ask(this.port, { path: '/healthz' })).status === 200) return;
      } catch {
        // not yet
      }
      await sleep(50);
    }
  }

  words(name) {
    try {
      return fs.readFileSync(this.logs[name], 'utf8').split('\n').slice(-30).join('\n');
    } catch {
      return '';
    }
  }

  async test(name, run, ms = 20000) {
    const began = performance.now();
    try {
      await within(ms, run(), name);
      this.passed++;
      console.log(`ok      ${name} (${Math.round(performance.now() - began)} ms)`);
    } catch (e) {
      this.failed++;
      const why = String(process.env.VERBOSE ? e?.stack ?? e : e?.message ?? e);
      console.log(`FAILED  ${name}: ${why.length > 1200 ? `${why.slice(0, 1200)} …` : why}`);
    }
  }

  async stats() {
    return JSON.parse((await ask(this.plain, { path: '/__mock/stats' })).body.toString());
  }

  // The provider must see that a stream is no longer wanted within a second.
  async providerIsIdle() {
    const began = performance.now();
    for (;;) {
      const { open_streams: open } = await this.stats();
      if (open === 0) return;
      if (performance.now() - began > 1000) throw new Error(`${open} streams still open at the provider after 1 s`);
      await sleep(10);
    }
  }

  async providerIsStreaming() {
    for (let tries = 0; tries < 100; tries++) {
      if ((await this.stats()).open_streams > 0) return;
      await sleep(10);
    }
    throw new Error('the provider never streamed');
  }

  // Ends both; the gateway has to go in peace, with nothing for a sanitizer to say.
  async close() {
    if (this.gateway) {
      await this.test('the gateway ends in order', async () => {
        this.gateway.kill('SIGTERM');
        const code = await within(30000, this.gateway.ended, 'SIGTERM');
        const words = fs.readFileSync(this.logs.gateway, 'utf8');
        if (code !== 0) throw new Error(`it ended with ${code}: ${this.words('gateway')}`);
        if (/Sanitizer|runtime error/.test(words)) throw new Error(words);
      }, 31000);
      this.gateway.kill('SIGKILL');
    }
    this.agent?.server.close();
    this.mock?.kill('SIGTERM');
    if (this.mock) await Promise.race([this.mock.ended, sleep(3000)]);
    this.mock?.kill('SIGKILL');
    if (this.dir && !process.env.KEEP) fs.rmSync(this.dir, { recursive: true, force: true });
    else console.log(`clients: logs are kept in ${this.dir}`);
  }
}
