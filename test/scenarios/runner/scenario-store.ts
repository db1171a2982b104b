import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const EXTENSION = '.txt';

/** File names, in order. */
export function scenarioNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(EXTENSION))
    .toSorted();
}

export function readScenario(name: string): string {
  return readFileSync(`${FOLDER}/${name}`, 'utf8');
}

export function writeScenario(name: string, text: string): void {
  writeFileSync(`${FOLDER}/${name}`, text);
}
