import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../cluster/version.js';
import { describeDtos } from './describe-dtos.js';

/** Made from the routes themselves. Loaded and built when somebody first asks: it takes memory that a node has better uses for. */
export function buildOpenApiDocument(app: INestApplication): object {
  describeDtos();
  const config = new DocumentBuilder()
    .setTitle('Latchkey')
    .setDescription(
      'Locks with fencing tokens, leases, elections and live configuration. Errors are {code, message, retry, details}. ' +
        'A slash in a key or a lock name travels as %2F. Writes take an Idempotency-Key header; conditional ones If-Match.',
    )
    .setVersion(VERSION)
    .build();
  return SwaggerModule.createDocument(app, config);
}
