import { isLeaseId, type LeaseId } from '@latchkey/state-machine';
import type { Lessor, RenewAnswer } from './lessor.js';

/** Lease ids in one question to the leader. */
export const MAX_LEASES_PER_QUESTION = 1_024;

export type LessorQuestion = { readonly type: 'renew' | 'remaining'; readonly leaseIds: readonly LeaseId[] };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encodeQuestion = (question: LessorQuestion): Uint8Array => encoder.encode(JSON.stringify(question));

/** Answers in the order of the question's ids. They come from the leader, a member of the cluster. */
export const decodeAnswers = (body: Uint8Array): readonly RenewAnswer[] =>
  JSON.parse(decoder.decode(body)) as RenewAnswer[];

/** Serves the questions that other nodes send to the leader. @throws ReplicaError, or Error for a question that is none */
export async function answerQuestion(lessor: Lessor, body: Uint8Array): Promise<Uint8Array> {
  const { type, leaseIds } = decodeQuestion(body);
  const answers =
    type === 'renew' ? await lessor.renew(leaseIds) : lessor.remaining(leaseIds).map((left) => left ?? 'gone');
  return encoder.encode(JSON.stringify(answers));
}

function decodeQuestion(body: Uint8Array): LessorQuestion {
  const question: unknown = JSON.parse(decoder.decode(body));
  if (typeof question !== 'object' || question === null || !('type' in question) || !('leaseIds' in question))
    throw new Error('not a question to the lessor');
  const { type, leaseIds } = question;
  if (type !== 'renew' && type !== 'remaining') throw new Error('not a question to the lessor');
  if (!Array.isArray(leaseIds) || leaseIds.length > MAX_LEASES_PER_QUESTION) throw new Error('not a list of leases');
  const ids = (leaseIds as readonly unknown[]).filter((id): id is LeaseId => typeof id === 'string' && isLeaseId(id));
  if (ids.length !== leaseIds.length) throw new Error('not a list of leases');
  return { type, leaseIds: ids };
}
