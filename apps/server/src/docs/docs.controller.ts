import type { ServerResponse } from 'node:http';
import { Controller, Get, Inject, Param, Res } from '@nestjs/common';
import { wireError } from '../commands/wire-error.js';
import { ApiDocs, type DocsFile } from './api-docs.js';

@Controller('docs')
export class DocsController {
  constructor(@Inject(ApiDocs) private readonly docs: ApiDocs) {}

  @Get()
  page(@Res() response: ServerResponse): void {
    send(response, this.docs.page());
  }

  @Get(':file')
  async file(@Param('file') name: string, @Res() response: ServerResponse): Promise<void> {
    const file = await this.docs.file(name);
    if (file === null) throw wireError('NOT_FOUND', 'no such file');
    send(response, file);
  }
}

function send(response: ServerResponse, { contentType, content }: DocsFile): void {
  response.writeHead(200, { 'content-type': contentType, 'x-content-type-options': 'nosniff' }).end(content);
}
