import { describe, expect, it } from 'vitest';
import { LogNotices, noticeFrom, type LogNotice } from './log-notices.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function collected(): { readonly shown: LogNotice[]; readonly notices: LogNotices } {
  const shown: LogNotice[] = [];
  return { shown, notices: new LogNotices((notice) => shown.push(notice), 'warn') };
}

describe("what of a node's log is shown at the terminal", () => {
  it.each([
    ['{"level":30,"msg":"ready"}', null],
    ['{"level":40,"msg":"slow disk"}', { level: 'warn', message: 'slow disk' }],
    ['{"level":60,"msg":"gone"}', { level: 'error', message: 'gone' }],
    ['{"level":"error","msg":"named level"}', { level: 'error', message: 'named level' }],
    ['LATCHKEY_PEERS: is wrong', { level: 'warn', message: 'LATCHKEY_PEERS: is wrong' }],
    ['    at main (file.js:1:1)', null],
    ['', null],
  ])('%s', (line, notice) => {
    expect(noticeFrom(line, 'warn')).toEqual(notice);
  });

  it('is put together from pieces that end within a line, or within a character', () => {
    const { shown, notices } = collected();
    const bytes = encode('{"level":50,"msg":"läuft nicht"}\n');
    const middle = bytes.indexOf(0xc3) + 1;
    notices.write(bytes.slice(0, middle));
    expect(shown).toEqual([]);
    notices.write(bytes.slice(middle));
    expect(shown).toEqual([{ level: 'error', message: 'läuft nicht' }]);
  });

  it("leaves a node's last words to whoever reports its end", () => {
    const { shown, notices } = collected();
    notices.write(encode('latchkey: cannot listen\n'));
    expect(shown).toEqual([]);
    expect(notices.last).toEqual({ level: 'error', message: 'cannot listen' });
    notices.reset();
    expect(notices.last).toBeNull();
  });

  it('cannot send control sequences to the terminal', () => {
    expect(noticeFrom('{"level":50,"msg":"\\u001b[2J"}', null)?.message).toBe('\\x1b[2J');
  });

  it('is cut after a burst, and the last one is still known', () => {
    const BURST = 100;
    const { shown, notices } = collected();
    for (let at = 0; at < BURST; at++) notices.write(encode(`{"level":50,"msg":"failure ${at}"}\n`));
    expect(shown.length).toBeLessThan(BURST / 10);
    expect(shown.at(-1)?.message).toBe('more of this is in the log file');
    expect(notices.last?.message).toBe(`failure ${BURST - 1}`);
  });

  it('does not keep an endless line in memory', () => {
    const { shown, notices } = collected();
    notices.write(new Uint8Array(1_000_000).fill(0x78));
    notices.write(encode('\n{"level":40,"msg":"after it"}\n'));
    expect(shown.map((notice) => notice.message)).toEqual(['after it']);
  });
});
