import { setFlagsFromString } from 'node:v8';

// Loading the libraries leaves some 20 MB of garbage that an idle node would keep for ever: the engine grows its heap
// while it loads and has no reason to look again. Only while loading: under load memory is worth its speed.
setFlagsFromString('--optimize-for-size');
const { runNode } = await import('./run-node.js');
await runNode();
setFlagsFromString('--no-optimize-for-size');
