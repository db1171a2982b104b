import { createServer } from 'node:net';

const HOST = '127.0.0.1';
const HIGHEST_FIRST_PORT = 60_000;

/** The first of `count` neighbouring ports that nobody listens on, from `from` upwards. */
export async function freePortRange(count: number, from: number): Promise<number> {
  for (let first = from; first < HIGHEST_FIRST_PORT; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free ports');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
