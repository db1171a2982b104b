import { StateInvariantViolation } from './invariant.js';

/** The element at an index that is known to be inside the array. @throws StateInvariantViolation when it is not. */
export function at<Element>(elements: readonly Element[], index: number): Element {
  const element = elements[index];
  if (element !== undefined) return element;
  throw new StateInvariantViolation(`index ${index} outside 0..${elements.length - 1}`);
}
