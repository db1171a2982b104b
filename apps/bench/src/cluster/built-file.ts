import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Stands at the top of the workspace only. */
const TOP_FILE = 'nest-cli.json';

/**
 * A file of the build, such as `server/bundle/main.js`. Works from sources (a test) and from the build itself.
 * @throws Error when it was not built
 */
export function builtFile(path: string): string {
  const file = join(topDirectory(), 'dist', path);
  if (!existsSync(file)) throw new Error(`${file} is missing: run npm run build first`);
  return file;
}

function topDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, TOP_FILE))) {
    const above = dirname(directory);
    if (above === directory) throw new Error(`no directory above ${fileURLToPath(import.meta.url)} has ${TOP_FILE}`);
    directory = above;
  }
  return directory;
}
