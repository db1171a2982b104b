import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Every TypeScript file of the repository that git tracks or would track, with paths from the root. */
export function typescriptFiles(): string[] {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return output.split('\n').filter((path) => path !== '' && existsSync(`${ROOT}/${path}`));
}

export const readSource = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');

export const parseSource = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readSource(path), ts.ScriptTarget.Latest, true);

/** Calls `visit` for `node` and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

export function lineOf(file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}
