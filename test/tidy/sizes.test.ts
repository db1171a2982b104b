import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { lineOf, parseSource, readSource, typescriptFiles, walk } from './source-files.js';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** Longer than the limit on purpose; each with its reason. */
const ALLOWED_LONG_FILES: Readonly<Record<string, string>> = {};

const isTest = (path: string) =>
  path.startsWith('test/') || path.endsWith('.test.ts') || path.includes('/test-support/');

describe('sizes of files and functions', () => {
  it(`has no file over ${FILE_LINES_MAX} lines without a stated reason`, () => {
    const long = typescriptFiles()
      .filter((path) => !isTest(path))
      .map((path) => ({ path, lines: readSource(path).split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > FILE_LINES_MAX && !(path in ALLOWED_LONG_FILES));
    expect(long).toEqual([]);
  });

  it(`has no function over ${FUNCTION_LINES_MAX} lines`, () => {
    const long: string[] = [];
    for (const path of typescriptFiles()) {
      if (isTest(path)) continue;
      const file = parseSource(path);
      walk(file, (node) => {
        if (!isFunctionWithBody(node)) return;
        const lines = endLine(file, node) - lineOf(file, node) + 1;
        if (lines > FUNCTION_LINES_MAX) long.push(`${path}:${lineOf(file, node)} has ${lines} lines`);
      });
    }
    expect(long).toEqual([]);
  });
});

function isFunctionWithBody(node: ts.Node): boolean {
  return (
    (ts.isFunctionDeclaration(node) ||
      ts.isFunctionExpression(node) ||
      ts.isArrowFunction(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isConstructorDeclaration(node) ||
      ts.isAccessor(node)) &&
    node.body !== undefined
  );
}

const endLine = (file: ts.SourceFile, node: ts.Node) => file.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
