import type { RequestFrame, ResponseFrame } from '@latchkey/contracts';
import { Packr } from 'msgpackr';
import { encodeResponses } from '../../apps/server/src/gateway/frame-encoder.js';
import { KvClient } from '../../apps/sdk/src/kv/kv-client.js';
import { RequestPipeline } from '../../apps/sdk/src/requests/request-pipeline.js';
import { WatchHub } from '../../apps/sdk/src/watch/watch-hub.js';
import type { MeasuredPath } from './measured-path.js';
import { StandingClock } from './standing-clock.js';
import { BATCH, keyTextAt, KEYS, SESSION, valueAt } from './work-load.js';

const FRAMES_PER_RUN = 64;
const REQUEST_TIMEOUT_MS = 10_000;
/** Of the event, in front of each message; the parser takes it off. */
const TAG_BYTES = 1;

/** The SDK's share of 64 puts at a time: calls, their one frame, the frame of answers, promises settled. Without a socket. */
export async function clientPuts(): Promise<MeasuredPath> {
  // As the SDK's own connector has it.
  const packr = new Packr({ useRecords: false });
  const answers: Buffer[] = [];
  const clock = new StandingClock();
  clock.stand();
  const pipeline = new RequestPipeline({
    clock,
    random: () => 0,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    send: (frame: RequestFrame) => {
      if (packr.pack(frame).byteLength === 0) throw new Error('an empty frame');
      clock.defer(() => pipeline.responses(packr.unpack(answers.shift() ?? Buffer.alloc(0)) as ResponseFrame));
    },
    sessionRefused: (session) => unexpected(`session ${session} refused`),
    nodeUseless: unexpected,
  });
  pipeline.connected();
  pipeline.setSession(SESSION);
  const kv = new KvClient(pipeline, new WatchHub(pipeline, clock));
  const puts = Array.from({ length: KEYS }, (_, position) => ({
    key: keyTextAt(position),
    value: valueAt(position),
  }));
  let answered = 0;
  let next = 0;
  return {
    prepare: async () => {
      for (; answers.length < 2 * FRAMES_PER_RUN; answered += BATCH) answers.push(answersAfter(answered));
    },
    run: async () => {
      for (let count = 0; count < FRAMES_PER_RUN; count += 1) {
        const results: Promise<unknown>[] = [];
        for (; results.length < BATCH; next += 1) {
          const put = puts[next % KEYS];
          if (put !== undefined) results.push(kv.put(put.key, put.value));
        }
        await Promise.all(results);
      }
    },
  };
}

/** To the 64 requests that follow `id`. */
const answersAfter = (id: number): Buffer =>
  encodeResponses(
    Array.from({ length: BATCH }, (_, offset) => [id + offset + 1, 1, { revision: id + offset + 2 }]),
  ).subarray(TAG_BYTES);

function unexpected(what: string): never {
  throw new Error(what);
}
