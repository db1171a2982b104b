import { Inject, Injectable } from '@nestjs/common';
import {
  InvalidRequest,
  MAX_IDEMPOTENCY_KEY_CHARACTERS,
  parseRequest,
  type ClientRequest,
  type ClientResult,
  type OperationName,
  type RequestOf,
  type ResultOf,
} from '@latchkey/contracts';
import { RequestExecutor, type RequestOrigin } from '../commands/request-executor.js';
import { WireError, wireError } from '../commands/wire-error.js';
import type { Acquisition } from '../locks/acquisition.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';

type Options = {
  /** The `Idempotency-Key` header, if any. */
  readonly idempotencyKey?: string | undefined;
  /** Called when the request waits for a lock, with the handle by which to end that. */
  readonly onWaiting?: (acquisition: Acquisition) => void;
};

const ONLY_ID = 1;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Single requests of the HTTP wire: the same validation and the same execution as a frame of the SDK. */
@Injectable()
export class HttpRequests {
  constructor(
    @Inject(RequestExecutor) private readonly executor: RequestExecutor,
    @Inject(SETTINGS) private readonly settings: NodeSettings,
  ) {}

  /** @throws WireError */
  ask<Name extends OperationName>(
    op: Name,
    fields: RequestOf<Name> | Readonly<Record<string, unknown>>,
    options: Options = {},
  ): Promise<ResultOf<Name>> {
    const request = parseRequest({ op, ...withoutUndefined(fields) }, this.settings);
    if (request instanceof InvalidRequest) return Promise.reject(new WireError(request.body));
    // The executor answers an operation with that operation's result.
    return this.execute(request, options);
  }

  private execute(request: ClientRequest, options: Options): Promise<ClientResult> {
    const origin = originOf(options.idempotencyKey);
    return new Promise((resolve, reject) => {
      this.executor.execute([{ id: ONLY_ID, request }], origin, {
        succeed: (_id, result) => resolve(result),
        fail: (_id, error) => reject(new WireError(error)),
        waits: (_id, acquisition) => options.onWaiting?.(acquisition),
      });
    });
  }
}

/** A query's absent fields are properties without a value; the wire knows only fields that are there. */
function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function originOf(idempotencyKey: string | undefined): RequestOrigin {
  if (idempotencyKey === undefined) return { type: 'none' };
  if (idempotencyKey.length > MAX_IDEMPOTENCY_KEY_CHARACTERS || !VISIBLE_ASCII.test(idempotencyKey))
    throw wireError(
      'INVALID_ARGUMENT',
      `Idempotency-Key: must be 1 to ${MAX_IDEMPOTENCY_KEY_CHARACTERS} visible ASCII characters`,
      {
        field: 'Idempotency-Key',
      },
    );
  return { type: 'idempotencyKey', idempotencyKey };
}
