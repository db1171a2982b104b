import { setTimeout as delay } from 'node:timers/promises';
import { connect, LatchkeyError, type Latchkey, type Lock } from '@latchkey/sdk';
import { LiveBatchSize } from './batch-size.js';
import { DEMO, ORDERS } from './config.js';
import { readOrders } from './order-file.js';
import { OrdersTable } from './orders-table.js';
import { pick, seededRandom } from './random.js';
import type { FromWorker, ToWorker, WorkerSummary } from './worker-messages.js';

const CONNECTIONS = 3;
/** When every order in sight is in another worker's hands. */
const NOTHING_FREE_PAUSE_MS = 25;
/** When the service cannot answer just now. */
const INTERRUPTED_PAUSE_MS = 50;

const WAIT_FOR = { goOn: 'goOn', stallNext: 'stallNext' } as const;

type Counts = { -readonly [Name in keyof WorkerSummary]: WorkerSummary[Name] };

/** Works orders off until none is open. Everything here is what a service would do, but for the one marked stop. */
class Worker {
  readonly #name: string;
  readonly #latchkey: Latchkey;
  readonly #table: OrdersTable;
  readonly #batchSize = new LiveBatchSize();
  readonly #handlingMs = new Map(readOrders().map((order) => [order.id, order.handlingMs]));
  readonly #random: () => number;
  readonly #counts: Counts = { processed: 0, heldByOthers: 0, doneBefore: 0, refused: 0, interrupted: 0 };
  #stallNext = false;

  constructor(name: string, latchkey: Latchkey, table: OrdersTable) {
    this.#name = name;
    this.#latchkey = latchkey;
    this.#table = table;
    this.#random = seededRandom(ORDERS.seed + Number(name.replace(/\D/g, '')));
  }

  async run(): Promise<WorkerSummary> {
    const stop = new AbortController();
    onMessage(WAIT_FOR.stallNext, () => {
      this.#stallNext = true;
    });
    await this.#batchSize.follow(this.#latchkey, stop.signal, ({ value, revision }) =>
      tell({ type: 'batchSize', value, revision }),
    );
    tell({ type: 'ready' });
    while (await this.#workOnBatch());
    stop.abort();
    return this.#counts;
  }

  /** False when no order is open any more. */
  async #workOnBatch(): Promise<boolean> {
    const { value, revision } = this.#batchSize.current;
    const open = await this.#table.openOrders(value * DEMO.overlap);
    if (open.length === 0) return false;
    const batch = pick(open, value, this.#random);
    const taken = await Promise.all(batch.map((orderId) => this.#workOnOrder(orderId)));
    const takenCount = taken.filter(Boolean).length;
    if (takenCount === 0) await delay(NOTHING_FREE_PAUSE_MS);
    else
      await this.#table.recordBatch({
        worker: this.#name,
        configRevision: revision,
        batchSize: value,
        taken: takenCount,
      });
    return true;
  }

  /** True when this worker had the order's lock. */
  async #workOnOrder(orderId: string): Promise<boolean> {
    try {
      const lock = await this.#latchkey.lock(`orders/${orderId}`).tryAcquire({ owner: { worker: this.#name } });
      if (lock === null) {
        this.#counts.heldByOthers++;
        return false;
      }
      try {
        await this.#handle(orderId, lock);
      } finally {
        await lock.release();
      }
      return true;
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      // No leader for a moment, or the lock was lost meanwhile. The order stays open, and somebody takes it later.
      this.#counts.interrupted++;
      await delay(INTERRUPTED_PAUSE_MS);
      return false;
    }
  }

  async #handle(orderId: string, lock: Lock): Promise<void> {
    const attempt = { orderId, worker: this.#name, fencingToken: lock.fencingToken };
    const claim = await this.#table.claim(attempt);
    if (claim === 'done before') this.#counts.doneBefore++;
    if (claim === 'refused') this.#counts.refused++;
    if (claim !== 'claimed') return;
    await delay(this.#handlingMs.get(orderId) ?? ORDERS.maxHandlingMs);
    const stalled = this.#stallNext;
    if (stalled) await this.#stall(orderId, lock);
    // A careful worker would ask lock.assertHeld() here. This one writes whatever it was told meanwhile: the fencing token
    // has to be enough.
    const outcome = await this.#table.process(attempt);
    if (outcome === 'written') this.#counts.processed++;
    else this.#counts.refused++;
    if (stalled) tell({ type: 'lateWrite', orderId, outcome, knewLockWasLost: lock.signal.aborted });
  }

  /** The one stop that no service would have: between lock and write, until the demo has frozen and thawed this process. */
  async #stall(orderId: string, lock: Lock): Promise<void> {
    this.#stallNext = false;
    const goOn = new Promise<void>((resolve) => onMessage(WAIT_FOR.goOn, resolve));
    tell({ type: 'holding', orderId, fencingToken: lock.fencingToken });
    await goOn;
  }
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

function onMessage(type: ToWorker['type'], take: () => void): void {
  process.on('message', (message: ToWorker) => {
    if (message.type === type) take();
  });
}

async function main(): Promise<void> {
  const name = process.argv[2] ?? 'w0';
  const endpoints = (process.env['DEMO_ENDPOINTS'] ?? '').split(',');
  // The demo has gone without saying goodbye.
  process.on('disconnect', () => process.exit(1));
  const latchkey = await connect({ endpoints, sessionTtlMs: DEMO.sessionTtlMs });
  const table = new OrdersTable(process.env['DEMO_DATABASE_URL'] ?? '', CONNECTIONS);
  const summary = await new Worker(name, latchkey, table).run();
  tell({ type: 'finished', summary });
  await latchkey.close();
  await table.close();
  process.disconnect();
}

await main();
