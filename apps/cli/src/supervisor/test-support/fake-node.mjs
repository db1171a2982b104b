// Stands in for a node's server process: takes the same settings, answers what `up` asks, and dies when told so.
import { createServer } from 'node:http';

const {
  LATCHKEY_CLUSTER_ID: clusterId,
  LATCHKEY_NODE_ID: id,
  LATCHKEY_CLIENT_PORT: port,
  LATCHKEY_LOG_LEVEL: logLevel,
} = process.env;
if (logLevel === 'refused') {
  process.stderr.write('latchkey: LATCHKEY_LOG_LEVEL: "refused" is not a level\n');
  process.exit(2);
}
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  const role = id === 'n1' ? 'leader' : 'follower';
  response.end(
    JSON.stringify({ clusterId, nodeId: id, role, term: 1, leaderId: 'n1', members: [], environment: process.env }),
  );
});
server.listen(Number(port), '127.0.0.1');
// As a node ends that the cluster has removed.
process.on('SIGUSR2', () => process.exit(5));
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ level: 40, msg: `a warning of ${id}` })}\n`);
