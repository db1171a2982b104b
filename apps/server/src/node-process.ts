import 'reflect-metadata';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { AppModule } from './app.module.js';
import { ClusterNode } from './cluster/cluster-node.js';
import { NodeEvents } from './cluster/node-events.js';
import { ApiDocs } from './docs/api-docs.js';
import { ClientGateway } from './gateway/client.gateway.js';
import { ErrorFilter } from './http/error-filter.js';
import { SameOriginGuard } from './http/same-origin.guard.js';
import { NestLogger } from './logging/nest-logger.js';
import type { Loggers } from './logging/part-logger.js';
import { Metrics } from './metrics/metrics.js';
import type { NodeSettings } from './settings/settings.js';

/** Base64 of the largest values that one transaction can carry, and the JSON around them. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** An acquire over HTTP may wait, but never longer in the answer than a proxy would. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Answers that are on their way may finish. */
const DRAIN_MS = 200;

export type RunningNode = {
  /** Where clients connect. */
  readonly url: string;
  readonly clusterNode: ClusterNode;
  /** Hands leadership over, takes no more, lets what is under way finish, and gives everything up. Idempotent. */
  stop(): Promise<void>;
};

export type NodeEnd = {
  /** The node can no longer do its part; the process should exit. */
  readonly onFailed: (error: unknown) => void;
  /** The cluster goes on without this node; it should be stopped. */
  readonly onRemoved: () => void;
};

/**
 * Starts one node in this process: listens to clients first, so that a taken port is found before the database is
 * claimed, then to its peers.
 */
export async function startNode(
  settings: NodeSettings,
  loggers: Loggers,
  { onFailed, onRemoved }: NodeEnd,
): Promise<RunningNode> {
  const app = await createApp(settings, loggers, onFailed);
  const sockets = followSockets(app.getHttpServer());
  app.get(ApiDocs).describe(app);
  const clusterNode = app.get(ClusterNode);
  app.get(NodeEvents).onFailed((error) => {
    clusterNode.beginStop();
    onFailed(error);
  });
  app.get(NodeEvents).onRemoved(onRemoved);
  try {
    await app.listen(settings.clientPort, settings.clientHost);
    await clusterNode.start();
  } catch (error) {
    await closeApp(app, sockets);
    throw error;
  }
  let stopped: Promise<void> | null = null;
  return { url: await app.getUrl(), clusterNode, stop: () => (stopped ??= stopNode(app, clusterNode, sockets)) };
}

async function createApp(
  settings: NodeSettings,
  loggers: Loggers,
  onBug: (error: unknown) => void,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.register(settings, loggers), {
    logger: new NestLogger(loggers.part('nest')),
    bodyParser: false,
    abortOnError: false,
  });
  app.disable('x-powered-by');
  app.disable('etag');
  // JSON whatever its content type says: curl's default is that of a form.
  app.useBodyParser('json', { limit: MAX_BODY_BYTES, strict: false, type: () => true });
  app.useGlobalFilters(new ErrorFilter(loggers.part('http'), onBug));
  app.useGlobalGuards(new SameOriginGuard());
  app.useWebSocketAdapter(new IoAdapter(app));
  const server: Server = app.getHttpServer();
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  return app;
}

async function stopNode(
  app: NestExpressApplication,
  clusterNode: ClusterNode,
  sockets: ReadonlySet<Socket>,
): Promise<void> {
  clusterNode.beginStop();
  // While clients are still connected: what they ask meanwhile is answered by way of the new leader.
  await clusterNode.handOverLeadership();
  app.get(ClientGateway).disconnectAll();
  const server: Server = app.getHttpServer();
  server.closeIdleConnections();
  app.get(Metrics).stop();
  await Promise.all([closeApp(app, sockets), clusterNode.stop()]);
}

/** Waits for no client: neither for a websocket that does not answer the goodbye, nor for one that came while the node started. */
async function closeApp(app: NestExpressApplication, sockets: ReadonlySet<Socket>): Promise<void> {
  const cutOff = setInterval(() => {
    for (const socket of sockets) socket.destroy();
  }, DRAIN_MS);
  try {
    await app.close();
  } finally {
    clearInterval(cutOff);
  }
}

/** The connections that are open at the moment, whatever they have become since. */
function followSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
