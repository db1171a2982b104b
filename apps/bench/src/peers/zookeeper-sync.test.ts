import { describe, expect, it } from 'vitest';
import type { Client, JuteRequest } from 'node-zookeeper-client';
import { sync } from './zookeeper-sync.js';

const XID = 7;
/** length 14, xid 7, operation 9 (sync), a path of two bytes */
const EXPECTED = '0000000e 00000007 00000009 00000002 2f61'.replaceAll(' ', '');

describe('sync request of ZooKeeper', () => {
  it('is written as the protocol has it, and afterwards passes for a delete, whose answer has no body', async () => {
    const requests: JuteRequest[] = [];
    const client = {
      connectionManager: {
        queue: (request: JuteRequest, callback: (error: null) => void) => {
          requests.push(request);
          callback(null);
        },
      },
    };
    // The only part of a client that it uses.
    await sync(client as unknown as Client, '/a');
    const [request] = requests;
    if (request === undefined) throw new Error('nothing was sent');
    request.header.xid = XID;
    expect(request.toBuffer().toString('hex')).toBe(EXPECTED);
    expect(request.header.type).toBe(2);
  });
});
