/** How each workload is called in tables, charts and goals. */
export const WORKLOAD_NAMES = {
  load: (operation: LoadOperation, inFlight: number) => `${operation}, ${inFlight} in flight`,
  contended: 'one lock, 32 waiters',
  watch: (watchers: number, connections: WatchConnections) =>
    `${watchers.toLocaleString('en-US')} watchers, ${connections === 'own' ? 'a connection each' : 'one connection'}`,
  watchCeiling: '100 watchers, most events',
  leaderKilled: 'leader killed under 100 puts/s',
  leaderHung: 'leader hung under 100 puts/s',
  growth: (operation: LoadOperation, keys: number) =>
    `${operation}, 64 in flight, ${keys.toLocaleString('en-US')} keys`,
  size: (keys: number) => `with ${keys.toLocaleString('en-US')} keys`,
  restart: 'restart with 100,000 keys',
  idle: 'idle',
  memory: 'after all of put, get, lock and watch',
} as const;

export type LoadOperation = 'put' | 'get' | 'lock and unlock';
export type WatchConnections = 'own' | 'shared';
