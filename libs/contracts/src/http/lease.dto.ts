import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { MAX_LEASE_TTL_MS, MIN_LEASE_TTL_MS } from '../limits.js';
import { IsLeaseIdText } from './text-rules.js';

const TTL_RANGE = `must be between ${MIN_LEASE_TTL_MS} and ${MAX_LEASE_TTL_MS} ms`;

/** `POST /v1/leases` */
export class GrantLeaseBody {
  @IsInt({ message: 'must be an integer' })
  @Min(MIN_LEASE_TTL_MS, { message: TTL_RANGE })
  @Max(MAX_LEASE_TTL_MS, { message: TTL_RANGE })
  ttlMs!: number;

  @IsOptional()
  @IsLeaseIdText()
  id?: string;
}
