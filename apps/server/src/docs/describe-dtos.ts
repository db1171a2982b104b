import { ApiProperty } from '@nestjs/swagger';
import { getMetadataStorage } from 'class-validator';
import * as contracts from '@latchkey/contracts';

type DtoClass = new () => object;

/** What a validation rule says about a property, in the words of OpenAPI. */
function schemaOf(rules: readonly { readonly name?: string; readonly constraints?: unknown }[]): object {
  let type: 'string' | 'integer' | 'object' = 'object';
  const limits: Record<string, unknown> = {};
  for (const { name, constraints } of rules) {
    const first: unknown = Array.isArray(constraints) ? constraints[0] : undefined;
    if (name === 'isInt') type = 'integer';
    else if (name === 'isString' || name === 'matches' || name === 'isIn') type = 'string';
    if (name === 'min') limits['minimum'] = first;
    if (name === 'max') limits['maximum'] = first;
    if (name === 'maxLength') limits['maxLength'] = first;
    if (name === 'isIn') limits['enum'] = first;
    if (name === 'matches' && first instanceof RegExp) limits['pattern'] = first.source;
  }
  // Any JSON: no type at all would be taken for an error.
  return type === 'object' ? { ...limits, type, additionalProperties: true } : { ...limits, type };
}

const isDtoClass = (value: unknown): value is DtoClass =>
  typeof value === 'function' && String(value).startsWith('class ');

/** Tells the documentation about bodies and queries what class-validator checks, so that the two cannot differ. */
export function describeDtos(): void {
  for (const dto of Object.values(contracts).filter(isDtoClass)) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false);
    for (const property of new Set(rules.map(({ propertyName }) => propertyName))) {
      const own = rules.filter(({ propertyName }) => propertyName === property);
      const required = !own.some(({ type }) => type === 'conditionalValidation');
      // The prototype of a class is an object; its declared type is `any`.
      const prototype = dto.prototype as object;
      ApiProperty({ ...schemaOf(own), required })(prototype, property);
    }
  }
}
