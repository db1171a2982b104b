import { describe, expect, it } from 'vitest';
import { parseLogLevels } from '../settings/list-settings.js';
import { createLoggers } from './part-logger.js';

function capture(levels: string) {
  const lines: string[] = [];
  const loggers = createLoggers({
    nodeId: 'n1',
    levels: parseLogLevels(levels),
    destination: { write: (line) => void lines.push(line) },
  });
  return { loggers, lines };
}

describe('the log', () => {
  it('keeps a forged line and terminal codes inside one JSON text', () => {
    const { loggers, lines } = capture('info');
    loggers.part('http').warn('refused', { key: 'a\n{"level":60}\u001b[31m' });
    expect(lines).toHaveLength(1);
    for (const raw of ['\n', '\u001b']) expect(lines[0]?.trimEnd()).not.toContain(raw);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ part: 'http', node: 'n1', key: 'a\n{"level":60}\u001b[31m' });
  });

  it('cuts a megabyte that a stranger sent', () => {
    const { loggers, lines } = capture('info');
    loggers.part('http').warn('x'.repeat(1_000_000), { key: 'y'.repeat(1_000_000) });
    expect(lines[0]?.length).toBeLessThan(4_000);
  });

  it('lets one part say more than the others', () => {
    const { loggers, lines } = capture('warn,raft=trace');
    loggers.part('http').info('not shown');
    loggers.part('raft').trace('shown');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['shown']);
  });
});
