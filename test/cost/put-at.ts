import { key, type PutOperation } from '@latchkey/state-machine';
import { keyTextAt, valueAt } from './work-load.js';

export const putAt = (position: number): PutOperation => ({
  type: 'put',
  key: key(keyTextAt(position)),
  value: valueAt(position),
  leaseId: null,
  expectedModRevision: null,
  wantPrevious: false,
  keepValue: false,
  keepLease: false,
});
