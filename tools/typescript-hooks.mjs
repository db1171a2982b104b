// Lets Node import the TypeScript sources of this repository: `@latchkey/x` is libs/x, and `.js` names a `.ts` file.
// What a source was made into is kept on disk, as long as the source stays as it is: a process starts without the compiler.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { sourceUnderTest } from './mutation/apply-mutant.mjs';

const ALIAS = '@latchkey/';
const OTHER_ALIASES = { sdk: 'apps/sdk/src/index.ts', 'sdk-core': 'apps/sdk/src/core.ts' };
const OPTIONS = { target: 'ES2023', module: 'ESNext', inlineSourceMap: true, experimentalDecorators: true };
const CACHE = fileURLToPath(new URL('../node_modules/.cache/latchkey-typescript/', import.meta.url));
const { version } = createRequire(import.meta.url)('typescript/package.json');

export async function resolve(specifier, context, nextResolve) {
  if (specifier.startsWith(ALIAS)) {
    const name = specifier.slice(ALIAS.length);
    const path = OTHER_ALIASES[name] ?? `libs/${name}/src/index.ts`;
    return { url: new URL(`../${path}`, import.meta.url).href, format: 'module', shortCircuit: true };
  }
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL !== undefined) {
    const url = new URL(`${specifier.slice(0, -'.js'.length)}.ts`, context.parentURL);
    if (existsSync(url)) return { url: url.href, format: 'module', shortCircuit: true };
  }
  return nextResolve(specifier, context);
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const fileName = fileURLToPath(url);
  const source = sourceUnderTest(fileName, readFileSync(fileName, 'utf8'));
  return { format: 'module', source: await compiled(fileName, source), shortCircuit: true };
}

/** One file for each source: another version of it takes the place of the one before. */
async function compiled(fileName, source) {
  const path = `${CACHE}${digestOf(fileName)}.js`;
  const wanted = `// ${digestOf(version, JSON.stringify(OPTIONS), fileName, source)}\n`;
  const kept = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (kept.startsWith(wanted)) return kept.slice(wanted.length);
  const { default: ts } = await import('typescript');
  const { outputText } = ts.transpileModule(source, { fileName, compilerOptions: optionsFor(ts) });
  keep(path, wanted + outputText);
  return outputText;
}

/** Whole or not at all: several processes may start at once. Where nothing can be written it is compiled each time. */
function keep(path, text) {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(draft, text);
    renameSync(draft, path);
  } catch (error) {
    if (!['EACCES', 'EROFS', 'ENOSPC', 'EPERM'].includes(error.code)) throw error;
  }
}

const optionsFor = (ts) => ({
  ...OPTIONS,
  target: ts.ScriptTarget[OPTIONS.target],
  module: ts.ModuleKind[OPTIONS.module],
});

function digestOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}
