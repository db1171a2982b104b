/**
 * Numbers of the ways in which an entry is read and applied. The first byte of every batch is the number it was proposed
 * under, and it is applied as that number says for as long as a log may hold it: a node that starts from an old log must
 * come to the same state as the nodes that applied it when it was new.
 *
 * A change of format or of behaviour adds a number with its reason, and the code asks for it where the ways part.
 */
const BEHAVIOURS = {
  /** Semantics of etcd v3, and refusals for what would give two holders of a lock the same or a falling token. */
  first: 1,
} as const;

/** What new batches are proposed under. */
export const CURRENT_BEHAVIOUR = BEHAVIOURS.first;
