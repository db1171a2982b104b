#!/usr/bin/env node
// What `npx latchkey` runs. It is here before the first build, for npx never again looks for a file that was not there once.
import { existsSync } from 'node:fs';

const program = new URL('../../../dist/cli/apps/cli/src/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  console.error('latchkey: not built yet; `npm run build` does that, and so does `npm start`');
  process.exitCode = 1;
}
