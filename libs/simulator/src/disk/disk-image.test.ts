import { logIndex } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { entry } from '../test-support/facts.js';
import { DiskImage } from './disk-image.js';
import { EntryChains } from './entry-chain.js';

const write = (image: DiskImage, entries: readonly ReturnType<typeof entry>[]) =>
  image.write({ hardState: null, truncateFrom: null, entries });

describe('the disks of a world', () => {
  it('come to the same chain for the same log, whoever computed it first', () => {
    const chains = new EntryChains();
    const [one, other] = [new DiskImage(chains), new DiskImage(chains)];
    const log = [entry(1, 1), entry(2, 1), entry(3, 2)];
    write(one, log);
    write(other, log);
    expect(other.chainAt(3)).toBe(one.chainAt(3));
    expect(other.chainAt(3)).not.toBe(one.chainAt(2));
  });

  it('tell apart logs that end with the same entry', () => {
    const chains = new EntryChains();
    const [one, other] = [new DiskImage(chains), new DiskImage(chains)];
    const last = entry(2, 2);
    write(one, [entry(1, 1, 'a'), last]);
    write(other, [entry(1, 1, 'b'), last]);
    expect(other.chainAt(2)).not.toBe(one.chainAt(2));
  });

  it('notice an entry that somebody has changed in memory since', () => {
    const image = new DiskImage();
    const log = [entry(1, 1), entry(2, 1), entry(3, 1)];
    write(image, log);
    expect(image.firstChanged()).toBeNull();
    const [, second] = log;
    if (second?.type === 'command') second.data[0] = 0;
    expect(image.firstChanged()).toBe(logIndex(2));
  });
});
