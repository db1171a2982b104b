// `npm run scenarios -- --rewrite`: the scenarios of test/scenarios from their sources, without a build.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
const { main } = await import('../test/scenarios/runner/main.ts');
process.exitCode = main(process.argv.slice(2));
