import { etcdSystem } from './etcd-system.js';
import { latchkeySystem } from './latchkey-system.js';
import { natsSystem } from './nats-system.js';
import { redisSystem } from './redis-system.js';
import { redlockSystem } from './redlock-system.js';
import type { System, SystemName } from './system.js';
import { zookeeperSystem } from './zookeeper-system.js';

export const ALL_SYSTEMS: Readonly<Record<SystemName, System>> = {
  latchkey: latchkeySystem,
  etcd: etcdSystem,
  zookeeper: zookeeperSystem,
  nats: natsSystem,
  redlock: redlockSystem,
  redis: redisSystem,
};
