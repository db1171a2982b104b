import type { AppliedCommand } from '../../libs/replica/src/test-support/recording-state-machine.js';

/**
 * What the servers have applied, compared on the spot: whoever applies something else at a place than somebody before it
 * (before a crash, too) is reported. A place is a command's number among the commands, from 1: our log holds a no-op per
 * term besides, so that the lab's "index" of a command is not the index of its entry.
 */
export class AppliedLog {
  private readonly chosen: AppliedCommand[] = [];
  private readonly places = new Map<string, number>();

  constructor(private readonly report: (problem: string) => void) {}

  get length(): number {
    return this.chosen.length;
  }

  /** Where `text` was applied by the first who did; null while nobody has. */
  placeOf(text: string): number | null {
    return this.places.get(text) ?? null;
  }

  applied(server: number, place: number, command: AppliedCommand): void {
    const first = this.chosen[place - 1];
    if (first === undefined) this.choose(server, place, command);
    else if (first.text !== command.text || first.index !== command.index || first.term !== command.term) {
      this.report(`server ${server} applied ${shown(command)} at place ${place}, where ${shown(first)} was applied`);
    }
  }

  private choose(server: number, place: number, command: AppliedCommand): void {
    if (place !== this.chosen.length + 1) {
      this.report(`server ${server} applied place ${place}, but nobody the place before it`);
      return;
    }
    const earlier = this.places.get(command.text);
    if (earlier !== undefined) this.report(`${shown(command)} was applied at place ${earlier} and at ${place}`);
    this.chosen.push(command);
    this.places.set(command.text, place);
  }
}

const SHOWN_CHARACTERS = 40;

function shown({ index, term, text }: AppliedCommand): string {
  return `"${text.slice(0, SHOWN_CHARACTERS)}" (entry ${index} of term ${term})`;
}
