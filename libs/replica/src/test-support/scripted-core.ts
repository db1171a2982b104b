import {
  logIndex,
  nodeId,
  term,
  type Effect,
  type Input,
  type Membership,
  type NodeId,
  type RaftStatus,
} from '@latchkey/raft';
import type { RaftCore } from '../raft-core.js';

/** A core that does what the test says and remembers what it was given. */
export class ScriptedCore implements RaftCore {
  readonly inputs: Input[] = [];
  deadlineMs = Infinity;
  /** What its status says. */
  membership: Membership;
  /** Effects of the next inputs of a type; without any there are none. */
  private readonly scripts: { readonly type: Input['type']; readonly respond: (input: Input) => readonly Effect[] }[] =
    [];
  private always: ((input: Input) => readonly Effect[]) | null = null;

  constructor(readonly id: NodeId = nodeId('n1')) {
    this.membership = { voters: [id], votersOutgoing: [], learners: [] };
  }

  /** Answers the next input of `type`. */
  onNext(type: Input['type'], effects: readonly Effect[]): void {
    this.scripts.push({ type, respond: () => effects });
  }

  /** Answers every input that no script names. */
  onAny(respond: (input: Input) => readonly Effect[]): void {
    this.always = respond;
  }

  step(input: Input): readonly Effect[] {
    this.inputs.push(input);
    const position = this.scripts.findIndex(({ type }) => type === input.type);
    const [script] = position < 0 ? [] : this.scripts.splice(position, 1);
    return script?.respond(input) ?? this.always?.(input) ?? [];
  }

  inputsOf<Type extends Input['type']>(type: Type): Extract<Input, { readonly type: Type }>[] {
    return this.inputs.filter((input): input is Extract<Input, { readonly type: Type }> => input.type === type);
  }

  nextDeadlineMs(): number {
    return this.deadlineMs;
  }

  status(): RaftStatus {
    const none = logIndex(0);
    return {
      nodeId: this.id,
      role: 'follower',
      currentTerm: term(1),
      votedFor: null,
      leaderId: null,
      commitIndex: none,
      lastApplied: none,
      firstLogIndex: logIndex(1),
      lastLogIndex: none,
      snapshotIndex: none,
      transferTarget: null,
      membership: this.membership,
      progress: [],
      isDiskStalled: false,
    };
  }
}
