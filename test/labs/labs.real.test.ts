import { describeLab } from './lab-story.js';
import { agreementStories } from './stories/agreement.js';
import { budgetStories } from './stories/budgets.js';
import { electionStories } from './stories/elections.js';
import { persistenceStories } from './stories/persistence.js';
import { snapshotStories } from './stories/snapshots.js';
import { RealPlatform } from './real-platform.js';

const open = async () => new RealPlatform();

describeLab('MIT 6.5840 Lab 3A, elections, on real sockets and Postgres', electionStories, open);
describeLab('MIT 6.5840 Lab 3B, agreement, on real sockets and Postgres', agreementStories, open);
describeLab('MIT 6.5840 Lab 3B, what it costs, on real sockets and Postgres', budgetStories, open);
describeLab('MIT 6.5840 Lab 3C, persistence, on real sockets and Postgres', persistenceStories, open);
describeLab('MIT 6.5840 Lab 3D, snapshots, on real sockets and Postgres', snapshotStories, open);
