// `npm run simulate -- --seed N`: the simulator from its sources, without a build.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
const { main } = await import('../libs/simulator/src/cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
