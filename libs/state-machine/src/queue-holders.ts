/**
 * Who holds: the longest prefix of the queue whose members can hold together. A pure function of the ordered queue, so
 * every node, and everybody who can list the keys, comes to the same answer. Reads no further than that prefix.
 * Source: ARCHITECTURE §1.
 */
export function longestCompatiblePrefix<Member>(queue: Iterable<Member>): Member[] {
  const holders: Member[] = [];
  for (const member of queue) {
    if (!canJoin(holders)) break;
    holders.push(member);
  }
  return holders;
}

/** Whether the next in line may hold beside those before it. Every mode known so far is exclusive. */
const canJoin = (holders: readonly unknown[]): boolean => holders.length === 0;
