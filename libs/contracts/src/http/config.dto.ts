import { IsInt, IsOptional, Min } from 'class-validator';
import { IsGiven, IsNaturalText, IsPrefixText } from './text-rules.js';

/** `PUT /v1/config/{namespace}/{key}` */
export class PutConfigBody {
  /** Any JSON. */
  @IsGiven()
  value: unknown;
}

export class ListConfigQuery {
  @IsPrefixText()
  prefix?: string;
}

/** `GET /v1/config/{namespace}/{key}/history` */
export class ConfigHistoryQuery {
  /** Only versions below this revision: of an answer with `more`, the first one's. */
  @IsOptional()
  @IsNaturalText()
  before?: string;
}

/** `POST /v1/config/{namespace}/{key}/rollback` */
export class RollbackBody {
  @IsInt({ message: 'must be an integer' })
  @Min(1, { message: 'must be 1 or more' })
  revision!: number;
}

/** `GET /v1/watch`, `GET /v1/config/{namespace}/watch` */
export class WatchQuery {
  @IsPrefixText()
  prefix?: string;

  @IsOptional()
  @IsNaturalText()
  fromRevision?: string;
}
