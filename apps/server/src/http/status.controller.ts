import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { StatusResult } from '@latchkey/contracts';
import { ClusterNode } from '../cluster/cluster-node.js';
import { NodeStatus } from '../cluster/node-status.js';
import { wireError } from '../commands/wire-error.js';
import { Metrics } from '../metrics/metrics.js';

/** What an operator asks. */
@Controller()
export class StatusController {
  constructor(
    @Inject(NodeStatus) private readonly nodeStatus: NodeStatus,
    @Inject(ClusterNode) private readonly node: ClusterNode,
    @Inject(Metrics) private readonly nodeMetrics: Metrics,
  ) {}

  @Get('healthz')
  health(): object {
    return { status: 'ok' };
  }

  @Get('readyz')
  ready(): object {
    if (!this.node.isReady) throw wireError('UNAVAILABLE', this.nodeStatus.whyNotReady());
    return { status: 'ready' };
  }

  @Get('metrics')
  async metrics(@Res() response: ServerResponse): Promise<void> {
    const { contentType, text } = await this.nodeMetrics.scrape();
    response.writeHead(200, { 'content-type': contentType }).end(text);
  }

  @Get('v1/status')
  @Header('cache-control', 'no-store')
  status(): StatusResult {
    return this.nodeStatus.status();
  }
}
