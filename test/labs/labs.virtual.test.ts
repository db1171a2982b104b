import { describeLab } from './lab-story.js';
import { agreementStories } from './stories/agreement.js';
import { budgetStories } from './stories/budgets.js';
import { electionStories } from './stories/elections.js';
import { persistenceStories } from './stories/persistence.js';
import { snapshotStories } from './stories/snapshots.js';
import { VirtualPlatform } from './virtual-platform.js';

const open = async () => new VirtualPlatform();

describeLab('MIT 6.5840 Lab 3A, elections, in virtual time', electionStories, open);
describeLab('MIT 6.5840 Lab 3B, agreement, in virtual time', agreementStories, open);
describeLab('MIT 6.5840 Lab 3B, what it costs, in virtual time', budgetStories, open);
describeLab('MIT 6.5840 Lab 3C, persistence, in virtual time', persistenceStories, open);
describeLab('MIT 6.5840 Lab 3D, snapshots, in virtual time', snapshotStories, open);
