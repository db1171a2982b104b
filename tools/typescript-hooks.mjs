// Lets Node import the TypeScript sources of this repository: `@latchkey/x` is libs/x, and `.js` names a `.ts` file.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { sourceUnderTest } from './mutation/apply-mutant.mjs';

const ALIAS = '@latchkey/';
const OTHER_ALIASES = { sdk: 'apps/sdk/src/index.ts', 'sdk-core': 'apps/sdk/src/core.ts' };
const OPTIONS = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, inlineSourceMap: true };

export async function resolve(specifier, context, nextResolve) {
  if (specifier.startsWith(ALIAS)) {
    const name = specifier.slice(ALIAS.length);
    const path = OTHER_ALIASES[name] ?? `libs/${name}/src/index.ts`;
    return { url: new URL(`../${path}`, import.meta.url).href, shortCircuit: true };
  }
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL !== undefined) {
    const url = new URL(`${specifier.slice(0, -'.js'.length)}.ts`, context.parentURL);
    if (existsSync(url)) return { url: url.href, shortCircuit: true };
  }
  return nextResolve(specifier, context);
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const fileName = fileURLToPath(url);
  const source = sourceUnderTest(fileName, readFileSync(fileName, 'utf8'));
  const { outputText } = ts.transpileModule(source, { fileName, compilerOptions: OPTIONS });
  return { format: 'module', source: outputText, shortCircuit: true };
}
