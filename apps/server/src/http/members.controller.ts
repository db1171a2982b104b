import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  type PipeTransform,
} from '@nestjs/common';
import { AddMemberBody, TransferLeadershipBody, type MembersResult, type TransferResult } from '@latchkey/contracts';
import { nodeId, type NodeId } from '@latchkey/raft';
import { Administration } from '../administration/administration.js';
import { wireError } from '../commands/wire-error.js';
import { peerUrlOfText } from '../settings/list-settings.js';
import { validated } from './validated.js';

/** Everything in it is optional: `curl -X POST` is enough. */
const EMPTY_IF_ABSENT: PipeTransform = { transform: (body: unknown) => body ?? {} };

const NODE_ID = /^[A-Za-z0-9_.-]{1,64}$/;

/** Who belongs to the cluster, and who leads it. Each change is answered with the members after it. */
@Controller('v1')
export class MembersController {
  constructor(@Inject(Administration) private readonly administration: Administration) {}

  @Get('members')
  @Header('cache-control', 'no-store')
  async list(): Promise<MembersResult> {
    return this.administration.members();
  }

  /** As a learner: it receives everything and has no vote, so that a wrong address endangers nothing. */
  @Post('members')
  @HttpCode(200)
  async add(@Body(validated(AddMemberBody)) { id, peerUrl }: AddMemberBody): Promise<MembersResult> {
    const url = peerUrlOfText(peerUrl);
    if (url === null)
      throw wireError('INVALID_ARGUMENT', 'peerUrl: must be a URL such as http://10.0.0.4:7401', { field: 'peerUrl' });
    return this.administration.addMember(nodeId(id), url);
  }

  /** Gives a learner that has caught up its vote. */
  @Post('members/:id/promote')
  @HttpCode(200)
  async promote(@Param('id') id: string): Promise<MembersResult> {
    return this.administration.promoteMember(nodeOfPath(id));
  }

  /** Voter or learner, also the leader itself. */
  @Delete('members/:id')
  async remove(@Param('id') id: string): Promise<MembersResult> {
    return this.administration.removeMember(nodeOfPath(id));
  }

  @Post('leadership/transfer')
  @HttpCode(200)
  async transfer(
    @Body(EMPTY_IF_ABSENT, validated(TransferLeadershipBody)) { to }: TransferLeadershipBody,
  ): Promise<TransferResult> {
    return this.administration.transferLeadership(to === undefined ? null : nodeId(to));
  }
}

function nodeOfPath(id: string): NodeId {
  if (NODE_ID.test(id)) return nodeId(id);
  throw wireError('INVALID_ARGUMENT', 'id: must be a node id: 1 to 64 letters, digits, dots, dashes or underscores', {
    field: 'id',
  });
}
