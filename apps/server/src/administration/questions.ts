import type { ErrorBody, MembersResult, TransferResult } from '@latchkey/contracts';
import { nodeId, type NodeId } from '@latchkey/raft';

/**
 * What an operator wants of the leader, as it travels between nodes. `isRepeat`: it was asked before and nobody knows what
 * became of that, so finding it done already is a success.
 */
export type AdministrationQuestion =
  | { readonly type: 'members' }
  | { readonly type: 'addLearner'; readonly node: NodeId; readonly peerUrl: string; readonly isRepeat: boolean }
  | { readonly type: 'promote'; readonly node: NodeId; readonly isRepeat: boolean }
  | { readonly type: 'remove'; readonly node: NodeId; readonly isRepeat: boolean }
  /** `to` null: to whoever is furthest. `leaderBefore`: who led when the operator asked, if that was known. */
  | {
      readonly type: 'transfer';
      readonly to: NodeId | null;
      readonly leaderBefore: NodeId | null;
      readonly isRepeat: boolean;
    };

export type ChangeQuestion = Extract<AdministrationQuestion, { readonly type: 'addLearner' | 'promote' | 'remove' }>;
export type TransferQuestion = Extract<AdministrationQuestion, { readonly type: 'transfer' }>;

export type AdministrationAnswer =
  | { readonly members: MembersResult }
  | { readonly transferred: TransferResult }
  /** By its `retry`: nothing was done and it may be possible in a moment, it may have been done, or it never will be. */
  | { readonly error: ErrorBody };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encodeQuestion = (question: AdministrationQuestion): Uint8Array =>
  encoder.encode(JSON.stringify(question));
export const encodeAnswer = (answer: AdministrationAnswer): Uint8Array => encoder.encode(JSON.stringify(answer));

/** Comes from the leader, a member of the cluster. */
export const decodeAnswer = (body: Uint8Array): AdministrationAnswer =>
  JSON.parse(decoder.decode(body)) as AdministrationAnswer;

/** @throws Error for what is no question; it comes from a member, perhaps of another version */
export function decodeQuestion(body: Uint8Array): AdministrationQuestion {
  const fields: unknown = JSON.parse(decoder.decode(body));
  if (typeof fields !== 'object' || fields === null) throw notAQuestion();
  const read = new Map<string, unknown>(Object.entries(fields));
  const type = read.get('type');
  const isRepeat = read.get('isRepeat') === true;
  switch (type) {
    case 'members':
      return { type };
    case 'addLearner':
      return { type, node: nodeOf(read.get('node')), peerUrl: textOf(read.get('peerUrl')), isRepeat };
    case 'promote':
    case 'remove':
      return { type, node: nodeOf(read.get('node')), isRepeat };
    case 'transfer': {
      const [to, leaderBefore] = [nodeOrNull(read.get('to')), nodeOrNull(read.get('leaderBefore'))];
      return { type, to, leaderBefore, isRepeat };
    }
    default:
      throw notAQuestion();
  }
}

const notAQuestion = (): Error => new Error('not a question to the administration');

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw notAQuestion();
  return value;
}

const nodeOf = (value: unknown): NodeId => nodeId(textOf(value));
const nodeOrNull = (value: unknown): NodeId | null => (value === null ? null : nodeOf(value));
