import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { MAX_WAIT_MS } from '../limits.js';
import { IsLeaseIdText, IsPrefixText } from './text-rules.js';

/** `POST /v1/locks/{name}/acquire` */
export class AcquireLockBody {
  @IsLeaseIdText()
  lease!: string;

  @IsOptional()
  @IsIn(['exclusive'], { message: 'must be exclusive' })
  mode?: 'exclusive';

  /** Absent = 0: a curl that hangs until a lock is free surprises more than a 409. */
  @IsOptional()
  @IsInt({ message: 'must be an integer' })
  @Min(0, { message: `must be between 0 and ${MAX_WAIT_MS} ms` })
  @Max(MAX_WAIT_MS, { message: `must be between 0 and ${MAX_WAIT_MS} ms` })
  waitMs?: number;

  /** Any JSON, shown to whoever inspects the lock. */
  @IsOptional()
  owner?: unknown;
}

/** `POST /v1/locks/{name}/release` */
export class ReleaseLockBody {
  @IsLeaseIdText()
  lease!: string;
}

/** `GET /v1/locks` */
export class ListLocksQuery {
  @IsPrefixText()
  prefix?: string;
}
