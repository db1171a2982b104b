import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { lineOf, parseSource, typescriptFiles, walk } from './source-files.js';

const PURE_LIBS = ['raft', 'state-machine', 'linearizability'];

/** Names through which time, chance or the outside world would enter. */
const FORBIDDEN_NAMES = new Set([
  'Buffer',
  'Date',
  'Intl',
  'Promise',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);
const FORBIDDEN_MEMBERS: Readonly<Record<string, readonly string[]>> = { Math: ['random'] };
/** Depend on the machine's locale. */
const FORBIDDEN_METHODS = new Set(['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase']);

/** What in `source` breaks the purity rule, one line each. */
export function impurities(file: ts.SourceFile): string[] {
  const found: string[] = [];
  const report = (node: ts.Node, what: string) => found.push(`${file.fileName}:${lineOf(file, node)} ${what}`);
  walk(file, (node) => {
    if (node.kind === ts.SyntaxKind.AsyncKeyword) report(node, 'async');
    if (ts.isAwaitExpression(node)) report(node, 'await');
    if (ts.isIdentifier(node) && FORBIDDEN_NAMES.has(node.text) && isReference(node)) report(node, node.text);
    if (ts.isPropertyAccessExpression(node)) {
      const { expression, name } = node;
      if (ts.isIdentifier(expression) && FORBIDDEN_MEMBERS[expression.text]?.includes(name.text) === true) {
        report(node, `${expression.text}.${name.text}`);
      }
      if (FORBIDDEN_METHODS.has(name.text)) report(node, name.text);
    }
  });
  return found;
}

describe('purity of the core libs', () => {
  for (const lib of PURE_LIBS) {
    it(`keeps time, chance and the outside world out of libs/${lib}`, () => {
      const files = typescriptFiles().filter(
        (path) => path.startsWith(`libs/${lib}/src/`) && !path.endsWith('.test.ts') && !path.includes('/test-support/'),
      );
      expect(files.length).toBeGreaterThan(0);
      expect(files.flatMap((path) => impurities(parseSource(path)))).toEqual([]);
    });
  }

  it.each([
    ['async function f() {}', 'async'],
    ['const now = Date.now();', 'Date'],
    ['setTimeout(f, 1);', 'setTimeout'],
    ['const chance = Math.random();', 'Math.random'],
    ['const order = a.localeCompare(b);', 'localeCompare'],
    ['console.log(1);', 'console'],
  ])('finds the impurity in %s', (source, what) => {
    const file = ts.createSourceFile('sample.ts', source, ts.ScriptTarget.Latest, true);
    expect(impurities(file)).toEqual([`sample.ts:1 ${what}`]);
  });
});

/** Whether the identifier reads a variable, rather than naming a property, a member or a type's key. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) {
    return parent.name !== node;
  }
  return true;
}
