import { describe, it } from 'vitest';
import { seededRandom } from '../../libs/raft/src/random-source.js';
import { CHECKPOINT_EVERY_COMMANDS, TEST_LIMIT_MS } from './lab-constants.js';
import { LabCluster } from './lab-cluster.js';
import type { LabPlatform } from './lab-platform.js';

/** One test of the lab, told once for every platform. */
export type LabStory = {
  /** Its number in RAFT-CHECKLIST.md §2a and its name in the lab, then what it shows. */
  readonly name: string;
  readonly servers: number;
  /** Unreliable: the story begins in a network that delays and loses. */
  readonly isUnreliable?: boolean;
  readonly makesSnapshots?: boolean;
  readonly tell: (cluster: LabCluster, measured: Measured) => Promise<void>;
};

/** Puts a figure that has a budget beside the test's result. */
export type Measured = (what: string) => void;

/** The stories of one part of the lab, on one platform. Beyond the lab's own limit a story fails. */
export function describeLab(part: string, stories: readonly LabStory[], open: () => Promise<LabPlatform>): void {
  describe(part, () => {
    for (const story of stories) {
      it(story.name, { timeout: TEST_LIMIT_MS }, async ({ annotate }) => {
        const figures: string[] = [];
        await tell(story, await open(), (what) => figures.push(what));
        for (const figure of figures) await annotate(figure);
      });
    }
  });
}

async function tell(story: LabStory, platform: LabPlatform, measured: Measured): Promise<void> {
  await using _platform = platform;
  const cluster = new LabCluster({
    platform,
    size: story.servers,
    isReliable: story.isUnreliable !== true,
    checkpointEvery: story.makesSnapshots === true ? CHECKPOINT_EVERY_COMMANDS : null,
    seed: seedOf(story),
  });
  await platform.run(async () => {
    try {
      await cluster.boot();
      await story.tell(cluster, measured);
    } finally {
      await cluster.end();
    }
  });
}

const SEED = 65_840;
const SEED_LIMIT = 2 ** 31;

/** Another one for each story, always the same. */
const seedOf = ({ name }: LabStory): number => Math.floor(seededRandom(SEED, name)() * SEED_LIMIT);
