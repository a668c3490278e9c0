// Runs all suites (or those named as arguments) in one world; ends with
// "N passed, N failed".
import { World } from './world.mjs';

const suites = ['desktop', 'same_bytes', 'anthropic', 'openai', 'openrouter', 'translated', 'budget', 'guides', 'claude_code', 'codex'];
const chosen = process.argv.length > 2 ? process.argv.slice(2) : suites;
const world = new World();

process.on('unhandledRejection', (e) => {
  world.failed++;
  console.log(`FAILED  something nobody waited for: ${e?.stack ?? e}`);
});

try {
  await world.open();
  for (const name of chosen) {
    if (!suites.includes(name)) throw new Error(`no suite is called ${name}; there are: ${suites.join(', ')}`);
    const { default: suite } = await import(`./${name}.mjs`);
    await suite(world);
  }
} catch (e) {
  world.failed++;
  console.log(`FAILED  ${e?.message ?? e}`);
} finally {
  await world.close();
}
console.log(`${world.passed} passed, ${world.failed} failed`);
process.exit(world.failed > 0 ? 1 : 0);
