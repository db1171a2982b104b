import { describe, expect, it } from 'vitest';
import { InvariantViolation } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import { storeFailure, type FailureStage } from './postgres-failure.js';

function serverError(code: string, severity = 'ERROR', message = 'the words of the server'): Error {
  return Object.assign(new Error(message), { code, severity });
}

function failure(error: unknown, stage: FailureStage): Error {
  return storeFailure(error, { stage, database: 'database n1@host/name' });
}

describe('failed write', () => {
  it.each(['53100', '53300', '25006', '57014', '55P03', '40001', '23505'])(
    'was not done when the server ended the statement with error %s',
    (code) => {
      expect(failure(serverError(code), 'writing')).toMatchObject({ code: 'unavailable' });
    },
  );

  it.each([
    ['the server ended the session', serverError('57P01', 'FATAL')],
    ['the server crashed', serverError('XX000', 'PANIC')],
    ['the connection was cut', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
    ['the connection was closed', new Error('Connection terminated unexpectedly')],
    ['no answer came in time', new Error('Query read timeout')],
  ])('may have been done when %s', (_situation, error) => {
    expect(failure(error, 'writing')).toMatchObject({ code: 'outcomeUnknown' });
  });
});

describe('failed read', () => {
  it.each([
    ['the server ended the session', serverError('57P01', 'FATAL')],
    ['nothing listens', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
    ['the password is wrong', serverError('28P01', 'FATAL')],
  ])('may work later when %s', (_situation, error) => {
    expect(failure(error, 'reading')).toMatchObject({ code: 'unavailable' });
  });

  it.each(['XX001', 'XX002', '42P01', '42703'])('means damage when the server says %s', (code) => {
    expect(failure(serverError(code), 'reading')).toMatchObject({ code: 'corrupt' });
  });
});

describe('failure text', () => {
  it('says which database, and the reason in plain words', () => {
    expect(failure(serverError('53100'), 'writing').message).toBe(
      'database n1@host/name: the disk of the database is full (the words of the server)',
    );
  });

  it('takes the first of several failed addresses', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), { code: 'ECONNREFUSED' });
    expect(failure(new AggregateError([refused, refused]), 'reading').message).toContain('nothing listens there');
  });

  it('says that a hung server does not answer', () => {
    expect(failure(new Error('Query read timeout'), 'writing').message).toContain('the server does not answer');
  });

  it.each([
    ['the database has no connection left', serverError('53300', 'FATAL')],
    ['the database refuses (SQLSTATE 28P01)', serverError('28P01', 'FATAL', 'no password for n1@10.0.0.1')],
    ['nothing listens where the database should be', Object.assign(new Error('10.0.0.1'), { code: 'ECONNREFUSED' })],
    ['the database does not answer', new Error('timeout exceeded when trying to connect')],
    ['there is no connection to the database', new Error('getaddrinfo ENOTFOUND db.internal')],
  ])('has a short form that tells nobody where the database is: %s', (summary, error) => {
    expect(failure(error, 'reading')).toMatchObject({ summary });
  });

  it('leaves our own errors and our bugs as they are', () => {
    for (const error of [new LogStoreError('fenced', 'x'), new InvariantViolation('x'), new TypeError('x')]) {
      expect(failure(error, 'writing')).toBe(error);
    }
  });
});
