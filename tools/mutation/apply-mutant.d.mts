import type { Mutant } from './mutants.mjs';

export function wantedMutant(): Mutant | null;
export function mutate(mutant: Mutant, source: string): string;
export function sourceUnderTest(fileName: string, source: string): string;
export function mutationPlugin(): {
  readonly name: string;
  readonly enforce: 'pre';
  readonly transform: (source: string, id: string) => string;
};
