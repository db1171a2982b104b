import type { History } from '../history.js';
import { applied, put, read, refused, remove, unanswered } from './history-builders.js';

export type GoodHistory = History & { readonly title: string };

/** Histories that some order explains: no checker may reject them. */
export const goodHistories: readonly GoodHistory[] = [
  { title: 'an empty history', operations: [], applied: [] },
  {
    title: 'writes one after the other and reads of their values',
    operations: [put('1', [0, 1], 2), read('1', [2, 3], 2), put('2', [4, 5], 3), read('2', [6, 7], 3)],
    applied: applied('1', '2'),
  },
  {
    title: 'overlapping writes in the order opposite to that of their beginnings',
    operations: [put('1', [0, 9], 3), put('2', [1, 8], 2, { client: 'c' }), read('1', [10, 11], 3)],
    applied: applied('2', '1'),
  },
  {
    title: 'a write that begins at the very moment at which the one before ends, and is ordered first',
    operations: [put('1', [0, 1], 3), put('2', [1, 2], 2), read('1', [3, 4], 3)],
    applied: applied('2', '1'),
  },
  {
    title: 'reads during a write: first of the old value, then of the new one',
    operations: [put('1', [0, 9], 2), read(null, [1, 2], 1), read('1', [3, 4], 2), read('1', [5, 6], 2)],
    applied: applied('1'),
  },
  {
    title: 'a slow read of an old value that overlaps quick reads of new ones',
    operations: [
      put('1', [0, 1], 2),
      read('1', [2, 20], 2),
      put('2', [3, 4], 3),
      read('2', [5, 6], 3, { client: 'c' }),
    ],
    applied: applied('1', '2'),
  },
  {
    title: 'a read of nothing before the first write and after a delete',
    operations: [read(null, [0, 1], 1), put('1', [2, 3], 2), remove([4, 5], 3), read(null, [6, 7], 3)],
    applied: applied('1', null),
  },
  {
    title: 'an unanswered write that took effect',
    operations: [unanswered(put('1', [0, 1], 2))],
    applied: applied('1'),
  },
  { title: 'an unanswered write that never took effect', operations: [unanswered(put('1', [0, 1], 2))], applied: [] },
  {
    title: 'an unanswered write that took effect late, after later writes',
    operations: [
      unanswered(put('1', [0, 1], 4)),
      put('2', [2, 3], 2),
      put('3', [4, 5], 3),
      read('3', [6, 7], 3),
      read('1', [8, 9], 4),
    ],
    applied: applied('2', '3', '1'),
  },
  {
    title: 'two unanswered deletes, of which each takes a later value away',
    operations: [
      unanswered(remove([0, 1], 3)),
      unanswered(remove([0, 1], 5)),
      put('1', [2, 3], 2),
      read(null, [4, 5], 3),
      put('2', [6, 7], 4),
      read(null, [8, 9], 5),
    ],
    applied: applied('1', null, '2', null),
  },
  {
    title: 'a refused write that did nothing',
    operations: [put('1', [0, 1], 2), refused(put('2', [2, 3], 3)), read('1', [4, 5], 2)],
    applied: applied('1'),
  },
  {
    title: 'a refused delete that did nothing',
    operations: [put('1', [0, 1], 2), refused(remove([2, 3], 3)), read('1', [4, 5], 2)],
    applied: applied('1'),
  },
  {
    title: 'a delete of a key that was never there',
    operations: [remove([0, 1], 1), read(null, [2, 3], 1), put('1', [4, 5], 2), read('1', [6, 7], 2)],
    applied: applied('1'),
  },
  {
    title: 'two deletes, of which the second found nothing',
    operations: [put('1', [0, 1], 2), remove([2, 3], 3), remove([4, 5], 3, { client: 'c' }), read(null, [6, 7], 3)],
    applied: applied('1', null),
  },
  {
    title: 'a delete that found nothing, for an unanswered one had been before it and was seen',
    operations: [put('1', [0, 1], 2), unanswered(remove([2, 3], 3)), read(null, [4, 5], 3), remove([6, 7], 3)],
    applied: applied('1', null),
  },
  {
    title: 'an empty value, which is not nothing',
    operations: [put('', [0, 1], 2), read('', [2, 3], 2), remove([4, 5], 3), read(null, [6, 7], 3)],
    applied: applied('', null),
  },
  {
    title: 'keys that change independently',
    operations: [
      put('1', [0, 1], 2),
      put('2', [0, 1], 3, { key: 'l' }),
      read('1', [2, 3], 3),
      read('2', [2, 3], 3, { key: 'l' }),
      remove([4, 5], 4, { key: 'l' }),
      read('1', [6, 7], 4),
    ],
    applied: [...applied('1'), { revision: 3, key: 'l', value: '2' }, { revision: 4, key: 'l', value: null }],
  },
];
