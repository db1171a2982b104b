/** Injection token of the node's clock; the other parts are injected by their class. */
export const CLOCK = Symbol('Clock');
