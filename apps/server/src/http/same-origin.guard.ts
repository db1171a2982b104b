import type { IncomingMessage } from 'node:http';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { wireError } from '../commands/wire-error.js';
import { isForeignOrigin } from '../gateway/handshake.js';

const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** A page of another site must not write through its visitor's browser (SECURITY S19). */
@Injectable()
export class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request: IncomingMessage = context.switchToHttp().getRequest();
    if (READING_METHODS.has(request.method ?? '') || !isForeignOrigin(request)) return true;
    throw wireError('UNAUTHENTICATED', 'a page of another site may not write', { field: 'Origin' });
  }
}
