import { assertNever, type Effect } from '@latchkey/raft';
import { entriesText, membershipText, positionText, rangesText } from './entry-text.js';
import { messageText } from './message-text.js';

type EffectOf<Type extends Effect['type']> = Extract<Effect, { readonly type: Type }>;

/** What a node does, as key and text. */
export function effectText(effect: Effect): readonly [key: string, text: string] {
  switch (effect.type) {
    case 'persist':
      return [`write #${effect.persistId}`, persistText(effect)];
    case 'installSnapshot':
      return [`write #${effect.persistId}`, installText(effect)];
    case 'compactLog':
      return ['compact', `the log up to ${positionText(effect.base)}`];
    case 'sendSnapshot':
      return [`-> ${effect.to}`, `snapshot at ${positionText(effect.snapshot)}`];
    case 'send':
      return [`-> ${effect.to}`, sendText(effect)];
    case 'apply':
      return ['apply', entriesText(effect.entries)];
    case 'completeRead':
      return ['read', `r${effect.readId} is answered at ${effect.readIndex}`];
    case 'failRead':
      return ['read', `r${effect.readId} fails`];
    case 'proposalAppended':
      return ['propose', `p${effect.proposalId} is ${positionText(effect)}`];
    case 'proposalRefused':
      return ['propose', `p${effect.proposalId} is refused: ${effect.reason}`];
    case 'membershipChangeAppended':
      return ['change', `p${effect.proposalId} is ${positionText(effect)}`];
    case 'membershipChangeRefused':
      return ['change', `p${effect.proposalId} is refused: ${effect.reason}`];
    case 'membershipCommitted':
      return ['members', `of ${effect.index} are committed: ${membershipText(effect.membership)}`];
    case 'transferFailed':
      return ['transfer', `fails: ${effect.reason}`];
    case 'removed':
      return ['removed', 'it stops'];
    case 'roleChanged':
      return ['role', roleText(effect)];
    default:
      return assertNever(effect);
  }
}

function persistText({ hardState, truncateFrom, entries }: EffectOf<'persist'>): string {
  const parts: string[] = [];
  if (hardState !== null) parts.push(`term ${hardState.currentTerm} vote ${hardState.votedFor ?? 'none'}`);
  if (truncateFrom !== null) parts.push(`cut from ${truncateFrom} on`);
  if (entries.length > 0) parts.push(rangesText(entries));
  return parts.join('; ');
}

function installText({ hardState, snapshot, keepsTail }: EffectOf<'installSnapshot'>): string {
  const term = hardState === null ? '' : `term ${hardState.currentTerm} vote ${hardState.votedFor ?? 'none'}; `;
  const tail = keepsTail ? 'keeps what follows' : 'drops the log';
  return `${term}snapshot at ${positionText(snapshot)}, ${tail}; ${membershipText(snapshot.membership)}`;
}

function sendText({ message, afterPersist }: EffectOf<'send'>): string {
  return `${messageText(message)}${afterPersist === null ? '' : ` [after #${afterPersist}]`}`;
}

function roleText({ role, term, leaderId }: EffectOf<'roleChanged'>): string {
  if (role === 'leader') return `leader in term ${term}`;
  const leader = leaderId === null ? '' : ` of ${leaderId}`;
  return `${role}${leader} in term ${term}`;
}
