// Bundles the built server with its libraries, because loading a few large files takes a third of the CPU of loading 1,500 small ones
// (docs/decisions/0021-bundled-server.md).
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const LIBRARY = /[\\/]node_modules[\\/]/;
/** Native code, and what libraries only try to load: found in node_modules as ever, or not at all. */
const OPTIONAL = [/^@nestjs\/microservices/, /^@fastify\//, /^(bufferutil|utf-8-validate|pg-native|msgpackr-extract)$/];

/** Positions in the sources, where a stack should point; none in libraries, which would make the maps large. */
const sourcePositions = {
  name: 'source-positions',
  load: (id) => (existsSync(`${id}.map`) && !LIBRARY.test(id) ? withMap(id) : null),
  transform: {
    filter: { id: LIBRARY },
    handler: (code) => ({ code, map: { mappings: '' } }),
  },
};

function withMap(file) {
  return { code: readFileSync(file, 'utf8'), map: readFileSync(`${file}.map`, 'utf8') };
}

/** From `dist/server/apps/server/src` to `dist/server/bundle`, with the same names of entries. */
export async function bundleServer(root) {
  const sources = join(root, 'dist/server/apps/server/src');
  const folder = join(root, 'dist/server/bundle');
  rmSync(folder, { recursive: true, force: true });
  const bundle = await rolldown({
    cwd: root,
    platform: 'node',
    input: { main: join(sources, 'main.js'), 'backup/restore-main': join(sources, 'backup/restore-main.js') },
    external: OPTIONAL,
    plugins: [sourcePositions],
    logLevel: 'warn',
  });
  await bundle.write({
    dir: folder,
    format: 'esm',
    sourcemap: true,
    comments: { jsdoc: false },
    chunkFileNames: 'chunks/[name]-[hash].js',
  });
  await bundle.close();
}
