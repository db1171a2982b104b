// `node tools/costs.mjs`: what the paths of test/cost cost, in units of its reference loop, from their sources, without a build.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
const { main } = await import('../test/cost/main.ts');
await main(process.argv.slice(2));
