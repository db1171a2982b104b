import { createServer } from 'node:net';
import { failure, messageOf, systemErrorCode } from '../cli-error.js';

/** A port that `up` will need, and what for. */
export type NeededPort = {
  readonly host: string;
  readonly port: number;
  readonly purpose: string;
  readonly option: string;
};

/** @throws CliError naming the first port that something else listens on. */
export async function assertPortsFree(ports: readonly NeededPort[]): Promise<void> {
  for (const needed of ports) {
    const problem = await listenProblem(needed);
    if (problem !== null) {
      throw failure(`port ${needed.port} (${needed.purpose}) ${problem}; choose another with ${needed.option}`);
    }
  }
}

function listenProblem({ host, port }: NeededPort): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      const code = systemErrorCode(error);
      resolve(code === 'EADDRINUSE' ? 'is already in use' : `cannot be used (${code ?? messageOf(error)})`);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
