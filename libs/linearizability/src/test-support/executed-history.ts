import * as fc from 'fast-check';
import type { AppliedWrite, Ending, History, Operation } from '../history.js';

/** One operation of a real execution: the steps take effect one after the other, what clients see overlaps. */
export type Step = {
  readonly type: 'put' | 'delete' | 'read';
  readonly key: string;
  /** How long before its effect it began, and how long after it it ended. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** `answerLost` took effect, `requestLost` and `refused` did not. */
  readonly fate: 'answered' | 'answerLost' | 'requestLost' | 'refused';
};

/** What a broken store does to one step. */
export type Fault =
  | { readonly type: 'none' }
  /** The answer says done; nothing was. */
  | { readonly type: 'lostWrite'; readonly step: number }
  /** A put is applied once more, just before a later step. */
  | { readonly type: 'repeatedWrite'; readonly step: number; readonly before: number }
  /** A read is answered as of some steps ago. */
  | { readonly type: 'staleRead'; readonly step: number; readonly stepsAgo: number }
  /** Two reads get each other's value. */
  | { readonly type: 'swappedReads'; readonly step: number; readonly other: number }
  /** The clock of one client was wrong. */
  | { readonly type: 'shifted'; readonly step: number; readonly byMs: number };

const STEP_EVERY_MS = 10;
/** Most operations overlap none or one of their neighbours, some overlap many. */
const OVERLAP_MS_SMALL = 7;
const OVERLAP_MS_MAX = 35;
const STEPS_AGO_MAX = 8;
const FIRST_REVISION = 1;

const overlap = fc.oneof(
  { weight: 6, arbitrary: fc.nat(OVERLAP_MS_SMALL) },
  { weight: 1, arbitrary: fc.nat(OVERLAP_MS_MAX) },
);

export const steps = (minLength: number, maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record<Step>({
      type: fc.constantFrom('put', 'put', 'put', 'read', 'read', 'read', 'delete'),
      key: fc.oneof({ weight: 7, arbitrary: fc.constant('k') }, { weight: 1, arbitrary: fc.constant('l') }),
      beforeMs: overlap,
      afterMs: overlap,
      fate: fc.oneof(
        { weight: 7, arbitrary: fc.constant('answered' as const) },
        { weight: 3, arbitrary: fc.constantFrom('answerLost', 'requestLost', 'refused') },
      ),
    }),
    { minLength, maxLength, size: 'max' },
  );

/** A fault that hits a step which it can hit, if there is one. */
const faultsOf = (program: readonly Step[]): fc.Arbitrary<Fault> => {
  const answeredReads = positions(program, ({ type, fate }) => type === 'read' && fate === 'answered');
  const answeredWrites = positions(program, ({ type, fate }) => type !== 'read' && fate === 'answered');
  const type = <Type extends Fault['type']>(type: Type) => fc.constant(type);
  return fc.oneof(
    fc.record({ type: type('lostWrite'), step: fc.constantFrom(...answeredWrites) }),
    fc.constantFrom(...repeats(program)),
    fc.record({
      type: type('staleRead'),
      step: fc.constantFrom(...answeredReads),
      stepsAgo: fc.integer({ min: 1, max: STEPS_AGO_MAX }),
    }),
    fc.record({
      type: type('swappedReads'),
      step: fc.constantFrom(...answeredReads),
      other: fc.constantFrom(...answeredReads),
    }),
    fc.record({ type: type('shifted'), step: fc.nat(program.length - 1), byMs: fc.integer({ min: -60, max: 60 }) }),
  );
};

/** At least one position, so that there is something to choose from: −1 hits nothing. */
const positions = (program: readonly Step[], isHit: (step: Step) => boolean): readonly number[] => {
  const found = program.flatMap((step, position) => (isHit(step) ? [position] : []));
  return found.length === 0 ? [-1] : found;
};

/** Puts that are repeated after another write and just before a read, which tells. */
const repeats = (program: readonly Step[]): readonly Fault[] => {
  const found = positions(program, (step) => step.type === 'put' && tookEffect(step)).flatMap((step) => {
    const key = program[step]?.key;
    const overwritten = program.findIndex(
      (other, position) => position > step && other.key === key && other.type !== 'read' && tookEffect(other),
    );
    const tells = (other: Step, position: number) =>
      position > overwritten && other.key === key && other.type === 'read' && other.fate === 'answered';
    const before = overwritten < 0 ? -1 : program.findIndex(tells);
    return before < 0 ? [] : [{ type: 'repeatedWrite' as const, step, before }];
  });
  return found.length === 0 ? [{ type: 'none' }] : found;
};

type Run = { readonly program: readonly Step[]; readonly fault: Fault };

/** Programs, each with a fault. */
export const faultyRuns = (minLength: number, maxLength: number): fc.Arbitrary<Run> =>
  steps(minLength, maxLength).chain((program) =>
    fc.record({ program: fc.constant(program), fault: faultsOf(program) }),
  );

type Snapshot = { readonly revision: number; readonly values: ReadonlyMap<string, string | null> };

/** Runs the steps on a store with that fault; what clients saw, and what a watch would tell. */
export function execute(program: readonly Step[], fault: Fault): History {
  const store = new SmallStore();
  const snapshots: Snapshot[] = [];
  const operations: Operation[] = [];
  for (const [position, step] of program.entries()) {
    if (fault.type === 'repeatedWrite' && fault.before === position) {
      const repeated = program[fault.step];
      if (repeated !== undefined) store.write(repeated.key, valueOf(fault.step));
    }
    snapshots.push(store.snapshot());
    operations.push(run(store, { program, position, step, fault, snapshots }));
  }
  return { operations: afterwards(operations, fault), applied: store.applied };
}

class SmallStore {
  readonly applied: AppliedWrite[] = [];
  #revision = FIRST_REVISION;
  readonly #values = new Map<string, string | null>();

  snapshot(): Snapshot {
    return { revision: this.#revision, values: new Map(this.#values) };
  }

  /** A delete of nothing changes nothing and takes no revision. */
  write(key: string, value: string | null): void {
    if (value === null && (this.#values.get(key) ?? null) === null) return;
    this.skipRevision();
    this.#values.set(key, value);
    this.applied.push({ revision: this.#revision, key, value });
  }

  skipRevision(): void {
    this.#revision += 1;
  }
}

type Situation = {
  readonly program: readonly Step[];
  readonly position: number;
  readonly step: Step;
  readonly fault: Fault;
  readonly snapshots: readonly Snapshot[];
};

function run(store: SmallStore, { position, step, fault, snapshots }: Situation): Operation {
  const { type, key } = step;
  const atMs = STEP_EVERY_MS * position;
  const client = `client ${position}`;
  const invokedAtMs = atMs - step.beforeMs;
  const returnedAtMs = atMs + step.afterMs;
  const isHit = 'step' in fault && fault.step === position;
  if (type === 'read') {
    const stepsAgo = isHit && fault.type === 'staleRead' ? fault.stepsAgo : 0;
    const { revision, values } = snapshots[Math.max(0, position - stepsAgo)] ?? store.snapshot();
    const result = { revision, value: values.get(key) ?? null };
    return { type, client, key, invokedAtMs, ending: ending(step, returnedAtMs, result) };
  }
  const value = type === 'put' ? valueOf(position) : null;
  if (isHit && fault.type === 'lostWrite') store.skipRevision();
  else if (tookEffect(step)) store.write(key, value);
  const { revision } = store.snapshot();
  return { type: 'write', client, key, value, invokedAtMs, ending: ending(step, returnedAtMs, { revision }) };
}

function ending<Result>({ fate }: Step, returnedAtMs: number, result: Result): Ending<Result> {
  if (fate === 'answered') return { type: 'ok', returnedAtMs, result };
  return fate === 'refused' ? { type: 'failed', returnedAtMs } : { type: 'unknown' };
}

function afterwards(operations: readonly Operation[], fault: Fault): readonly Operation[] {
  if (fault.type === 'shifted') {
    return operations.map((operation, position) =>
      position === fault.step ? shifted(operation, fault.byMs) : operation,
    );
  }
  if (fault.type !== 'swappedReads') return operations;
  return operations.map((operation, position) => {
    if (position === fault.step) return withValueOf(operation, operations[fault.other]);
    return position === fault.other ? withValueOf(operation, operations[fault.step]) : operation;
  });
}

function shifted(operation: Operation, byMs: number): Operation {
  const invokedAtMs = operation.invokedAtMs + byMs;
  if (operation.ending.type === 'unknown') return { ...operation, invokedAtMs };
  const returnedAtMs = operation.ending.returnedAtMs + byMs;
  if (operation.type === 'read') return { ...operation, invokedAtMs, ending: { ...operation.ending, returnedAtMs } };
  return { ...operation, invokedAtMs, ending: { ...operation.ending, returnedAtMs } };
}

function withValueOf(one: Operation, other: Operation | undefined): Operation {
  if (one.type !== 'read' || one.ending.type !== 'ok') return one;
  if (other?.type !== 'read' || other.ending.type !== 'ok') return one;
  const { value } = other.ending.result;
  return { ...one, ending: { ...one.ending, result: { ...one.ending.result, value } } };
}

const tookEffect = ({ fate }: Step) => fate === 'answered' || fate === 'answerLost';
const valueOf = (position: number) => `value ${position}`;
