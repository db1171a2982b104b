import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { requestJson } from '../client/http-client.js';
import { listenForInterrupt } from '../client/interrupt.js';
import { formatDuration, parseDurationMs } from '../duration.js';
import type { Output } from '../output/output.js';
import { formatTable } from '../output/table.js';
import { globalOptions, type GlobalOptions } from './global-options.js';

/** A lease is renewed when this part of its TTL has passed, as clients everywhere do. */
const RENEWALS_PER_TTL = 3;

type LeaseAnswer = { readonly id: string; readonly ttlMs: number; readonly remainingMs: number };

/**
 * Leases that outlive the command: over HTTP, because a client of the SDK ends what it made when it closes.
 */
export function addLeaseCommands(program: Command, output: Output): void {
  const lease = program
    .command('lease')
    .summary('grant, renew and revoke leases')
    .description('Leases of their own. A key written with a lease vanishes when the lease ends.');
  addGrant(lease, output);
  addRevoke(lease, output);
  addKeepAlive(lease, output);
  addList(lease, output);
}

function addGrant(lease: Command, output: Output): void {
  lease
    .command('grant')
    .description('Makes a lease and prints its id. Nobody renews it: see "lease keepalive".')
    .argument('<ttl>', 'for example 30s')
    .action(async (ttl: string, _flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const body = { ttlMs: parseDurationMs(ttl) };
      const granted = leaseAnswer(await requestJson(options, { method: 'POST', path: '/v1/leases', body }));
      if (options.json) output.json(granted);
      else output.line(granted.id);
    });
}

function addRevoke(lease: Command, output: Output): void {
  lease
    .command('revoke')
    .description('Ends a lease now, and with it every key that was written with it.')
    .argument('<id>')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const { revision } = await requestJson(options, { method: 'DELETE', path: leasePath(id) });
      if (options.json) output.json({ id, revision });
      else output.line(`revoked ${id}`);
    });
}

function addKeepAlive(lease: Command, output: Output): void {
  lease
    .command('keepalive')
    .description('Renews a lease until Ctrl-C; then it lives on for its TTL.')
    .argument('<id>')
    .option('--once', 'renew it one time', false)
    .action(async (id: string, { once }: { readonly once: boolean }, command: Command) => {
      const options = globalOptions(command);
      const { signal, stopListening } = listenForInterrupt();
      try {
        for (;;) {
          const renewed = await renew(options, id);
          if (options.json) output.json(renewed);
          else output.line(`${id} lives for another ${formatDuration(renewed.remainingMs)}`);
          if (once) return;
          await delay(renewed.ttlMs / RENEWALS_PER_TTL, undefined, { signal }).catch(() => undefined);
          if (signal.aborted) return;
        }
      } finally {
        stopListening();
      }
    });
}

function addList(lease: Command, output: Output): void {
  lease
    .command('list')
    .description('Lists all leases; the sessions of connected clients are leases, too.')
    .action(async (_flags: unknown, command: Command) => {
      const options = globalOptions(command);
      const answer = await requestJson(options, { method: 'GET', path: '/v1/leases' });
      // The wire contract of leaseList.
      const { leases } = answer as { readonly leases: readonly { readonly id: string; readonly ttlMs: number }[] };
      if (options.json) return output.json({ leases });
      if (leases.length === 0) return output.line('no leases');
      output.line(
        formatTable(
          [
            { heading: 'LEASE', cell: (row) => row.id },
            { heading: 'TTL', cell: (row) => formatDuration(row.ttlMs), align: 'right' },
          ],
          leases,
        ),
      );
    });
}

async function renew(options: GlobalOptions, id: string): Promise<LeaseAnswer> {
  return leaseAnswer(await requestJson(options, { method: 'PUT', path: `${leasePath(id)}/keepalive` }));
}

function leasePath(id: string): string {
  return `/v1/leases/${encodeURIComponent(id)}`;
}

function leaseAnswer(answer: Readonly<Record<string, unknown>>): LeaseAnswer {
  return { id: String(answer['id']), ttlMs: Number(answer['ttlMs']), remainingMs: Number(answer['remainingMs']) };
}
