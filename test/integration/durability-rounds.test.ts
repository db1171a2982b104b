import { describe, expect, it } from 'vitest';
import { runRounds } from '../../apps/bench/src/rounds/rounds.js';

/** Each kind of kill twice. `npm run bench -- rounds` does hundreds. */
const ROUNDS = 6;
const SEED = 20;
/** So that kills meet checkpoints and compactions of the log, too. */
const SNAPSHOT_ENTRIES = '100';
const LIMIT_MS = 600_000;

describe('a cluster whose nodes and databases are killed under load', () => {
  it(
    'loses nothing that it acknowledged, shows nothing that nobody wrote, and ends with equal states',
    async () => {
      const lines: string[] = [];
      const summary = await runRounds({
        rounds: ROUNDS,
        seed: SEED,
        settings: { LATCHKEY_SNAPSHOT_ENTRIES: SNAPSHOT_ENTRIES },
        log: (line) => lines.push(line),
      });
      expect(summary.problems, lines.join('\n')).toEqual([]);
      expect(summary.rounds).toHaveLength(ROUNDS);
      expect(summary.acknowledgedPuts).toBeGreaterThan(ROUNDS);
      expect(summary.lockGrants).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
