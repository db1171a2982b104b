import { IsIn, IsInt, IsOptional, IsString, Min, ValidateIf } from 'class-validator';
import { IsBase64Text, IsBooleanText, IsLeaseIdText, IsNaturalText, IsPrefixText } from './text-rules.js';

/** `GET /v1/kv/{key}` */
export class GetKeyQuery {
  @IsOptional()
  @IsNaturalText()
  revision?: string;

  @IsOptional()
  @IsIn(['linearizable', 'serializable'], { message: 'must be linearizable or serializable' })
  consistency?: 'linearizable' | 'serializable';
}

/** `GET /v1/kv` */
export class ListKeysQuery extends GetKeyQuery {
  @IsPrefixText()
  prefix?: string;

  @IsOptional()
  @IsNaturalText()
  limit?: string;

  @IsOptional()
  @IsBooleanText()
  keysOnly?: string;
}

/** `PUT /v1/kv/{key}`: exactly one of the two. */
export class PutKeyBody {
  @ValidateIf((body: PutKeyBody) => body.value !== undefined || body.valueBase64 === undefined)
  @IsString({ message: 'must be text (or give valueBase64)' })
  value?: string;

  @IsOptional()
  @IsBase64Text()
  valueBase64?: string;
}

export class PutKeyQuery {
  @IsOptional()
  @IsLeaseIdText()
  lease?: string;
}

/** `POST /v1/compact` */
export class CompactBody {
  @IsInt({ message: 'must be an integer' })
  @Min(1, { message: 'must be 1 or more' })
  revision!: number;
}

/** No query, or no body, at all. */
export class NothingAsked {}
