import type { Revision } from './ids.js';
import type { Refusal, RefusalCode } from './outcomes.js';

export const refusal = (code: RefusalCode, revisionDetail: Revision | null = null): Refusal => ({
  type: 'refused',
  code,
  revisionDetail,
});
