import type { PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';
import { wireError } from '../commands/wire-error.js';

const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Checks a body or a query against its DTO: the first wrong or unknown field is named. For use in a parameter decorator,
 * with the class given outright, so that it does not depend on emitted type metadata.
 */
export function validated<Dto extends object>(type: new () => Dto): PipeTransform<unknown, Dto> {
  return {
    transform(value: unknown): Dto {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw wireError('INVALID_ARGUMENT', 'body: must be a JSON object', { field: 'body' });
      const dto = new type();
      for (const [name, field] of Object.entries(value)) {
        if (FORBIDDEN_NAMES.has(name)) throw unknownField(name);
        Object.assign(dto, { [name]: field });
      }
      const [problem] = validateSync(dto, {
        whitelist: true,
        forbidNonWhitelisted: true,
        forbidUnknownValues: false,
        stopAtFirstError: true,
      });
      if (problem === undefined) return dto;
      const { property, constraints = {} } = problem;
      if ('whitelistValidation' in constraints) throw unknownField(property);
      const [message = 'is not valid'] = Object.values(constraints);
      throw wireError('INVALID_ARGUMENT', `${property}: ${message}`, { field: property });
    },
  };
}

const unknownField = (name: string): Error =>
  wireError('INVALID_ARGUMENT', `${name.slice(0, 64)}: unknown field`, { field: name.slice(0, 64) });
