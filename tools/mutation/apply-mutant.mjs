// Gives a source as the mutant named by LATCHKEY_MUTANT has it; the file on disk is never changed.
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const wantedMutant = () => {
  const id = process.env.LATCHKEY_MUTANT;
  if (id === undefined || id === '') return null;
  const mutant = MUTANTS.find((each) => each.id === id);
  if (mutant === undefined) throw new RangeError(`no mutant is called ${id}`);
  return mutant;
};

/** @throws RangeError when the mutant does not fit the source any more */
export function mutate(mutant, source) {
  const count = source.split(mutant.find).length - 1;
  if (count !== 1)
    throw new RangeError(`mutant ${mutant.id}: its text occurs ${count} times in ${mutant.file}, not once`);
  return source.replace(mutant.find, () => mutant.replace);
}

export function sourceUnderTest(fileName, source) {
  const mutant = wantedMutant();
  return mutant !== null && fileName === `${ROOT}${mutant.file}` ? mutate(mutant, source) : source;
}

/** For vitest: before its own transform. */
export const mutationPlugin = () => ({
  name: 'latchkey-mutant',
  enforce: 'pre',
  transform: (source, id) => sourceUnderTest(id.split('?')[0], source),
});
