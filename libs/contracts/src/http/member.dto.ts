import { IsOptional } from 'class-validator';
import { IsNodeIdText, IsPeerUrlText } from './text-rules.js';

/** `POST /v1/members` */
export class AddMemberBody {
  @IsNodeIdText()
  id!: string;

  /** Where the other nodes reach it. */
  @IsPeerUrlText()
  peerUrl!: string;
}

/** `POST /v1/leadership/transfer` */
export class TransferLeadershipBody {
  /** Absent = the voter that is furthest. */
  @IsOptional()
  @IsNodeIdText()
  to?: string;
}
