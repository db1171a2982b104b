import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { INestApplication } from '@nestjs/common';

const ASSETS: ReadonlyMap<string, string> = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Latchkey API</title>
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
`;
const START_SCRIPT = "SwaggerUIBundle({ url: '/docs/openapi.json', dom_id: '#ui' });\n";

export type DocsFile = { readonly contentType: string; readonly content: string | Buffer };

/** The files of `/docs`. Nothing is loaded before somebody asks for it. */
export class ApiDocs {
  private document: Promise<string> | null = null;
  private app: INestApplication | null = null;

  /** The application whose routes are described; it exists only after its own modules. */
  describe(app: INestApplication): void {
    this.app = app;
  }

  page(): DocsFile {
    return { contentType: 'text/html; charset=utf-8', content: PAGE };
  }

  /** Null when there is no such file. */
  async file(name: string): Promise<DocsFile | null> {
    if (name === 'start.js') return { contentType: 'text/javascript; charset=utf-8', content: START_SCRIPT };
    if (name === 'openapi.json')
      return { contentType: 'application/json; charset=utf-8', content: await this.openApi() };
    const contentType = ASSETS.get(name);
    if (contentType === undefined) return null;
    return { contentType, content: await readFile(join(assetFolder(), name)) };
  }

  private openApi(): Promise<string> {
    this.document ??= this.build();
    return this.document;
  }

  private async build(): Promise<string> {
    const { app } = this;
    if (app === null) throw new Error('the application is not there yet');
    const { buildOpenApiDocument } = await import('./openapi-document.js');
    return JSON.stringify(buildOpenApiDocument(app));
  }
}

/** Of the version that @nestjs/swagger itself depends on. */
function assetFolder(): string {
  const own = createRequire(import.meta.url);
  const swagger = createRequire(own.resolve('@nestjs/swagger'));
  return dirname(swagger.resolve('swagger-ui-dist/package.json'));
}
