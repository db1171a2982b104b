import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { parseProcessStat, readCpuSeconds, readMemoryBytes, treeOf } from './tree-usage.js';

const MEBIBYTE = 1024 ** 2;

describe('usage of process trees', () => {
  it('reads a line whose command name holds blanks and parentheses', () => {
    const line = '42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7';
    expect(parseProcessStat(line)).toEqual({ pid: 42, parentPid: 7, cpuTicks: 127 });
  });

  it('takes the roots and everything below them, each once', () => {
    const stat = (pid: number, parentPid: number) => ({ pid, parentPid, cpuTicks: 1 });
    const all = [stat(1, 0), stat(2, 1), stat(3, 2), stat(4, 1), stat(5, 4)];
    expect(treeOf([2, 3, 4], all).map(({ pid }) => pid)).toEqual([2, 3, 4, 5]);
  });

  it('counts what a child of a process has used, also when it has ended', async () => {
    const busyChild = 'const end = Date.now() + 200; while (Date.now() < end);';
    const parent = `
      require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(busyChild)}]);
      console.log('done');
      setInterval(() => {}, 1000);`;
    const process_ = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(process_.stdout, 'data');
      const pid = process_.pid ?? 0;
      expect(await readCpuSeconds([pid])).toBeGreaterThan(0.1);
      expect(await readMemoryBytes([pid])).toBeGreaterThan(MEBIBYTE);
    } finally {
      process_.kill('SIGKILL');
    }
  });

  it('counts nothing for processes that are gone', async () => {
    expect(await readCpuSeconds([2 ** 30])).toBe(0);
  });
});
