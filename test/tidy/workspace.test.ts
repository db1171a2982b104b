import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { readSource, ROOT, typescriptFiles } from './source-files.js';

type Project = {
  readonly type: string;
  readonly root: string;
  readonly sourceRoot: string;
  readonly compilerOptions: { readonly tsConfigPath: string };
};

const folders = (parent: string) =>
  readdirSync(`${ROOT}/${parent}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();

const nestCli = JSON.parse(readFileSync(`${ROOT}/nest-cli.json`, 'utf8')) as { projects: Record<string, Project> };
const paths = (
  ts.readConfigFile(`${ROOT}/tsconfig.json`, (path) => readFileSync(path, 'utf8')).config as {
    compilerOptions: { paths: Record<string, string[]> };
  }
).compilerOptions.paths;

const projectsOf = (type: string) =>
  Object.entries(nestCli.projects)
    .filter(([, project]) => project.type === type)
    .map(([name]) => name)
    .toSorted();

describe('workspace', () => {
  it('names every folder of apps and libs in nest-cli.json, and nothing else', () => {
    expect(projectsOf('application')).toEqual(folders('apps'));
    expect(projectsOf('library')).toEqual(folders('libs'));
  });

  it('points every project at folders and files that exist', () => {
    for (const project of Object.values(nestCli.projects)) {
      expect(existsSync(`${ROOT}/${project.sourceRoot}`), project.sourceRoot).toBe(true);
      expect(existsSync(`${ROOT}/${project.compilerOptions.tsConfigPath}`), project.compilerOptions.tsConfigPath).toBe(
        true,
      );
    }
  });

  it('runs `npx latchkey` from a file that is here before the first build, and may be executed', () => {
    const { bin } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { bin: { latchkey: string } };
    const tracked = execFileSync('git', ['ls-files', '--stage', bin.latchkey], { cwd: ROOT, encoding: 'utf8' });
    expect(tracked).toMatch(/^100755 /);
  });

  it('gives every lib (and the SDK, and its core) one alias', () => {
    const expected = Object.fromEntries([
      ...folders('libs').map((name) => [`@latchkey/${name}`, [`./libs/${name}/src/index.ts`]] as const),
      ['@latchkey/sdk', ['./apps/sdk/src/index.ts']] as const,
      ['@latchkey/sdk-core', ['./apps/sdk/src/core.ts']] as const,
    ]);
    expect(paths).toEqual(expected);
    for (const [path] of Object.values(paths)) expect(existsSync(`${ROOT}/${path ?? ''}`), path).toBe(true);
  });

  it('exports by name: no `export *`, no default export', () => {
    const offenders = typescriptFiles().filter(
      (path) => /^(apps|libs)\//.test(path) && /^export (\*|default)/m.test(readSource(path)),
    );
    expect(offenders).toEqual([]);
  });

  it('has no file or folder named for no concept', () => {
    const offenders = typescriptFiles().filter((path) => /(^|\/)(utils?|helpers?|common|misc)(\.ts|\/)/.test(path));
    expect(offenders).toEqual([]);
  });

  it('pins every dependency to an exact version', () => {
    const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as Record<string, Record<string, string>>;
    const versions = Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });
});
