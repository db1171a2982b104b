import { parseFrame, type RequestFrame, type ResponseFrame } from '@latchkey/contracts';
import { LeaseClient } from '@latchkey/lessor';
import type { Replica } from '@latchkey/replica';
import { encodeCommandBatch, leaseId, StateMachine, type ApplyResult } from '@latchkey/state-machine';
import { Packr } from 'msgpackr';
import { PastValues } from '../../apps/server/src/history/past-values.js';
import { LocalReads } from '../../apps/server/src/commands/local-reads.js';
import { Proposer } from '../../apps/server/src/commands/proposer.js';
import { RequestExecutor } from '../../apps/server/src/commands/request-executor.js';
import { ClientConnection, type ClientLink } from '../../apps/server/src/gateway/client-connection.js';
import { decodeFrame } from '../../apps/server/src/gateway/frame-decoder.js';
import { encodeResponses } from '../../apps/server/src/gateway/frame-encoder.js';
import { LockView } from '../../apps/server/src/locks/lock-view.js';
import { QueueTimes } from '../../apps/server/src/locks/queue-times.js';
import { Waiters } from '../../apps/server/src/locks/waiters.js';
import { WatchHub } from '../../apps/server/src/watch/watch-hub.js';
import { WatchOpener } from '../../apps/server/src/watch/watch-opener.js';
import { applyAt } from './apply-at.js';
import type { MeasuredPath } from './measured-path.js';
import { StandingClock } from './standing-clock.js';
import { BATCH, KEYS, keyTextAt, SESSION, SESSION_TTL_MS, valueAt } from './work-load.js';

const FRAMES_PER_RUN = 64;
const MAX_VALUE_BYTES = 512 * 1024;

/**
 * A client's frame of 64 puts at its node: decoded, validated, made into one command batch; and the frame of 64 answers. The
 * log between the two is not there.
 */
export async function gatewayEdge(): Promise<MeasuredPath> {
  const link = new CountingLink();
  const connection = connectionTo(link);
  const frames = encodedFrames();
  return {
    prepare: async () => undefined,
    run: async () => {
      link.answers = 0;
      for (let position = 0; position < FRAMES_PER_RUN; position += 1) {
        const frame = parseFrame(decodeFrame(frames[position % frames.length] ?? Buffer.alloc(0)));
        if (typeof frame === 'string') throw new Error(frame);
        connection.receive(frame);
        await link.sent();
      }
      if (link.answers !== FRAMES_PER_RUN * BATCH) throw new Error(`${link.answers} answers were given`);
    },
  };
}

function connectionTo(link: ClientLink): ClientConnection {
  const clock = new StandingClock();
  clock.stand();
  const reader = new StateMachine();
  const askLeader = async (question: Uint8Array): Promise<Uint8Array> => question;
  const leases = new LeaseClient({ clock, askLeader });
  const replica = answeringReplica();
  const proposer = new Proposer(() => replica);
  const past = new PastValues({ reader, readRows: nothingOld, onCorrupt: nothingOld });
  const view = new LockView(reader, new QueueTimes(), clock);
  const executor = new RequestExecutor({
    replica: () => replica,
    proposer,
    reads: new LocalReads(reader, view, past),
    leases,
    acquisitions: {
      clock,
      reader,
      view,
      waiters: new Waiters(),
      propose: (commands) => proposer.propose(commands),
      remainingMs: () => 0,
    },
    clock,
    status: () => {
      throw new Error('nobody asks for the status');
    },
  });
  const watches = new WatchOpener(new WatchHub({ clock, reader, past }), () => replica, reader);
  return new ClientConnection({ executor, watches, limits: { maxValueBytes: MAX_VALUE_BYTES } }, link);
}

function nothingOld(): never {
  throw new Error('nothing old is read');
}

/** Every batch has the same outcome: that of 64 puts, by the real state machine. */
function answeringReplica(): Replica<ApplyResult> {
  let result: ApplyResult | null = null;
  const propose = async (command: Uint8Array): Promise<ApplyResult> => {
    result ??= outcomeOf(command);
    return result;
  };
  // Of the whole interface the path uses `propose` alone.
  return { propose } as Partial<Replica<ApplyResult>> as Replica<ApplyResult>;
}

class CountingLink implements ClientLink {
  readonly unsentBytes = 0;
  answers = 0;
  private onSent: () => void = () => undefined;

  /** Resolves with the next frame of answers. */
  sent(): Promise<void> {
    return new Promise((resolve) => {
      this.onSent = resolve;
    });
  }

  sendResponses(responses: ResponseFrame): void {
    if (encodeResponses(responses).byteLength === 0) throw new Error('an empty frame');
    for (const [, ok] of responses) this.answers += ok;
    this.onSent();
  }

  sendWatch(): void {
    throw new Error('nobody watches');
  }
}

function outcomeOf(command: Uint8Array): ApplyResult {
  const machine = new StateMachine();
  const grant = { type: 'leaseGrant', leaseId: leaseId(SESSION), ttlMs: SESSION_TTL_MS } as const;
  applyAt(machine, 1, encodeCommandBatch({ origin: { type: 'none' }, commands: [grant] }));
  const result = applyAt(machine, 2, command);
  if (result.outcomes.length !== BATCH || result.outcomes.some(({ type }) => type !== 'put'))
    throw new Error('the puts were not carried out');
  return result;
}

/** As the SDK sends them. */
function encodedFrames(): readonly Buffer[] {
  const packr = new Packr({ useRecords: false });
  const frames: Buffer[] = [];
  for (let first = 0; first < KEYS; first += BATCH) {
    const requests = Array.from({ length: BATCH }, (_, offset) => {
      const position = first + offset;
      return [position + 1, { op: 'put', key: keyTextAt(position), value: valueAt(position) }] as const;
    });
    const frame: RequestFrame = [first, SESSION, requests];
    frames.push(packr.pack(frame));
  }
  return frames;
}
