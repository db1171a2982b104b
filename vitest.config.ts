import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { mutationPlugin } from './tools/mutation/apply-mutant.mjs';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const LIBS = [
  'backup',
  'conformance',
  'contracts',
  'lessor',
  'linearizability',
  'raft',
  'replica',
  'simulator',
  'state-machine',
  'storage-memory',
  'storage-postgres',
  'transport-socketio',
];

export default defineConfig({
  plugins: [mutationPlugin()],
  resolve: {
    alias: [
      ...LIBS.map((name) => ({ find: `@latchkey/${name}`, replacement: source(`./libs/${name}/src/index.ts`) })),
      { find: '@latchkey/sdk-core', replacement: source('./apps/sdk/src/core.ts') },
      { find: '@latchkey/sdk', replacement: source('./apps/sdk/src/index.ts') },
    ],
  },
  test: {
    include: ['apps/*/src/**/*.test.ts', 'libs/**/*.test.ts', 'test/**/*.test.ts'],
    // Two cores: more files at once only make the real clusters of the integration tests wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    coverage: {
      provider: 'v8',
      include: ['libs/raft/src/**', 'libs/state-machine/src/**'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'text'],
    },
  },
});
