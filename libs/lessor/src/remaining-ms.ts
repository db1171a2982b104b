import { ReplicaError } from '@latchkey/replica';
import type { LeaseId } from '@latchkey/state-machine';
import type { LeaseClient } from './lease-client.js';

/** At least so long does the lease live; 0 when nobody could be asked. Asks the leader only if nothing is known here. */
export function remainingMsOf(leases: LeaseClient, leaseId: LeaseId): number | Promise<number> {
  return leases.knownRemainingMs(leaseId) ?? ask(leases, leaseId);
}

async function ask(leases: LeaseClient, leaseId: LeaseId): Promise<number> {
  try {
    return (await leases.askRemaining(leaseId))?.remainingMs ?? 0;
  } catch (error) {
    if (error instanceof ReplicaError) return 0;
    throw error;
  }
}
