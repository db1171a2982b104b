import { describe, expect, it } from 'vitest';
import { parseValue, showValue } from './json-value.js';

describe('values on the command line', () => {
  it.each([
    ['100', 100],
    ['true', true],
    ['null', null],
    ['{"max":1}', { max: 1 }],
    ['"100"', '100'],
    ['hello', 'hello'],
    ['1.2.3', '1.2.3'],
  ])('reads %s as JSON if it is, else as text', (text, value) => {
    expect(parseValue(text, false)).toEqual(value);
  });

  it.each(['{max: 1}', '[1,', '"open'])('refuses %s, which was meant as JSON', (text) => {
    expect(() => parseValue(text, false)).toThrow(/not valid JSON/);
    expect(parseValue(text, true)).toBe(text);
  });

  it('takes everything as text when told so', () => {
    expect(parseValue('100', true)).toBe('100');
  });

  it('shows text without quotes and the rest as JSON', () => {
    expect([showValue('a b'), showValue(100), showValue({ a: [1] })]).toEqual(['a b', '100', '{"a":[1]}']);
  });
});
