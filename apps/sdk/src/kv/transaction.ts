import type { WireComparison, WireOperation } from '@latchkey/contracts';
import { InvalidArgumentError } from '../errors/latchkey-error.js';
import type { RequestPort } from '../requests/request-port.js';
import type { KvTxnResult } from './kv-results.js';
import { txnResult } from './kv-results.js';

/**
 * `kv.txn().if(compare('a').version.equals(0)).then(operation.put('a', '1')).else(operation.get('a')).commit()`: all conditions must hold, then one of the
 * two lists runs as one revision.
 */
export class Transaction {
  readonly #compare: WireComparison[] = [];
  readonly #success: WireOperation[] = [];
  readonly #failure: WireOperation[] = [];

  constructor(private readonly requests: RequestPort) {}

  if(...conditions: readonly WireComparison[]): this {
    this.#compare.push(...conditions);
    return this;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- the name is part of the public interface; `await` on it is caught below
  then(...operations: readonly WireOperation[]): this {
    // `await transaction` calls `then(resolve, reject)`: without this it would wait for ever.
    if (operations.some((operation) => typeof operation === 'function')) {
      throw new InvalidArgumentError('a transaction is run by commit(), not by await');
    }
    this.#success.push(...operations);
    return this;
  }

  else(...operations: readonly WireOperation[]): this {
    this.#failure.push(...operations);
    return this;
  }

  /** @throws OutcomeUnknownError when it may or may not have run */
  async commit(): Promise<KvTxnResult> {
    const parts = { compare: this.#compare, success: this.#success, failure: this.#failure };
    return txnResult(await this.requests.call({ op: 'txn', ...parts }));
  }
}
