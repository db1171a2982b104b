#!/usr/bin/env node
import { runProgram } from './program.js';

// A reader that went away (`latchkey … | head`) is no error of ours. A command with something to put in order first
// (a cluster, a lock) listens for SIGTERM and does so.
process.stdout.on('error', () => {
  if (process.listenerCount('SIGTERM') === 0) process.exit();
  process.kill(process.pid, 'SIGTERM');
});
process.stderr.on('error', () => undefined);

await runProgram(process.argv);
