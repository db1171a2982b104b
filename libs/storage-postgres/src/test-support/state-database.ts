import { logIndex, nodeId, term, type LogEntry } from '@latchkey/raft';
import type { StateMachine } from '@latchkey/state-machine';
import { Client } from 'pg';
import { createDatabase } from '../../../../test/support/postgres.js';
import { createPostgresStores, type PostgresStores } from '../postgres-stores.js';

const N1 = nodeId('n1');
const MEMBERSHIP = { voters: [N1], votersOutgoing: [], learners: [] };

/** The database of a node that saves what a state machine says, and a person who looks at it. */
export class StateDatabase {
  private lastIndex = 0;
  private historyCount = 0;

  private constructor(
    readonly url: string,
    readonly stores: PostgresStores,
    readonly client: Client,
  ) {}

  static async create(): Promise<StateDatabase> {
    const url = await createDatabase();
    const stores = createPostgresStores({ url, nodeId: N1, clusterId: 'orders' });
    await stores.logStore.load();
    const client = new Client({ connectionString: url });
    await client.connect();
    return new StateDatabase(url, stores, client);
  }

  /** Everything that the machine has applied, as a node would save it. */
  async save(machine: StateMachine): Promise<void> {
    const index = machine.lastApplied;
    const entries: LogEntry[] = [];
    while (this.lastIndex < index) {
      this.lastIndex += 1;
      entries.push({ type: 'noop', index: logIndex(this.lastIndex), term: term(1) });
    }
    if (entries.length > 0) await this.stores.logStore.persist({ hardState: null, truncateFrom: null, entries });
    const meta = { index: logIndex(index), term: term(1), membership: MEMBERSHIP };
    await this.stores.checkpoints.save({ meta, changes: machine.takeChanges() });
  }

  /** For the next machine, which begins with nothing. */
  async startAnew(): Promise<void> {
    this.historyCount += 1;
    await this.stores.identity.startAnew({
      storeId: `history ${this.historyCount}`,
      wantsVoteBack: false,
      joinedIndex: logIndex(0),
    });
    await this.stores.logStore.load();
    this.lastIndex = 0;
  }

  async select(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.client.query<Record<string, unknown>>(text, [...values])).rows;
  }

  async end(): Promise<void> {
    await this.client.end();
    await this.stores.logStore.close();
  }
}
