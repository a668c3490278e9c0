// The Python clients that guides print, in a process and a world of their own: guides.py.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { programs, source } from './world.mjs';

function run(python, env) {
  return new Promise((done) => {
    const p = spawn(python, [path.join(source, 'test/clients/guides.py')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const out of [p.stdout, p.stderr]) out.on('data', (d) => (said += d));
    p.on('error', (e) => done({ code: -1, said: String(e) }));
    p.on('close', (code) => done({ code, said }));
  });
}

export default async function (world) {
  const env = {
    ...process.env,
    SLUICE_SOURCE: source,
    SLUICE_BIN: programs.gateway,
    SLUICE_MOCK_BIN: programs.mock,
    SLUICE_BUILD: path.dirname(programs.gateway),
    PATH: `${process.env.PATH}:${path.join(source, 'deps/.tools/bin')}`,
    PYTHONDONTWRITEBYTECODE: '1',
  };
  // The packages are the system's, as its Python is.
  await world.test('guides: httpx, tenacity and Redis', async () => {
    const { code, said } = await run('/usr/bin/python3', env);
    if (code !== 0) throw new Error(said.slice(-1000));
  }, 240000);
}
