import {describe, expect, it} from 'vitest'
import {lookAt, prefixNames} from '../../../../src/lib/store/embedded/sql-look.js'

const NOTHING = {
  ...{copyIn: undefined, copyInCount: 0, touchesSettings: false, usesTemporary: false},
  ...{listens: false, dropsEverything: false, names: []},
}

describe('a look at SQL', () => {
  it.each([
    '',
    ';;',
    'SELECT 1',
    `SELECT 'SET x = 1; LISTEN y'`,
    `UPDATE t SET a = 1`,
    `SELECT E'it\\'s; SET x = 1'`,
    `SELECT $$ ; SET x = 1 $$`,
    `SELECT $body$ ; LISTEN y; $$ COPY t FROM STDIN; $body$`,
    `SELECT 1 -- ; SET x = 1`,
    `SELECT 1 /* ; SET x = 1 /* ; LISTEN y */ ; DISCARD ALL */`,
    `SELECT "SET", "a;b", "say ""set"""`,
    `COPY t TO STDOUT`,
    `COPY t FROM '/dev/blob'`,
    `COPY (SELECT 'FROM STDIN') TO STDOUT`,
    `SELECT 'not closed ; SET x = 1`,
    `SELECT $1::text, $2 ; SELECT 2`,
    `PREPARE TRANSACTION 'x'`,
  ])('finds nothing special in %s', sql => {
    expect(lookAt(sql)).toEqual(NOTHING)
  })

  it.each<[string, object]>([
    ['SET x = 1', {touchesSettings: true}],
    ['/* first */ reset ALL', {touchesSettings: true}],
    ['SELECT 1; -- then\nset time zone utc', {touchesSettings: true}],
    [`select set_config('a', 'b', false)`, {touchesSettings: true}],
    ['create temp table t (a int)', {usesTemporary: true}],
    ['SELECT * INTO TEMPORARY t FROM u', {usesTemporary: true}],
    [`SELECT ';'; listen news`, {listens: true}],
    ['copy t from stdin', {copyIn: 'text', copyInCount: 1}],
    ['COPY public."T" (a, b) FROM STDIN WITH (FORMAT binary)', {copyIn: 'binary', copyInCount: 1}],
    ['COPY t FROM /* here */ STDIN; COPY u FROM STDIN CSV', {copyIn: 'text', copyInCount: 2}],
    ['DEALLOCATE ALL', {dropsEverything: true}],
    ['discard all;', {dropsEverything: true, touchesSettings: true}],
  ])('sees what %s is about', (sql, facts) => {
    expect(lookAt(sql)).toEqual({...NOTHING, ...facts})
  })

  it.each([
    ['PREPARE u AS SELECT 1', 'PREPARE "7:u" AS SELECT 1'],
    ['prepare U (int) as select $1', 'prepare "7:u" (int) as select $1'],
    ['EXECUTE "My ""plan"""(1)', 'EXECUTE "7:My ""plan"""(1)'],
    ['DEALLOCATE u', 'DEALLOCATE "7:u"'],
    ['DEALLOCATE PREPARE u', 'DEALLOCATE PREPARE "7:u"'],
    ['DEALLOCATE ALL', 'DEALLOCATE ALL'],
    ['PREPARE a AS SELECT 1; EXECUTE a; SELECT a', 'PREPARE "7:a" AS SELECT 1; EXECUTE "7:a"; SELECT a'],
    ['SELECT prepare, execute FROM t', 'SELECT prepare, execute FROM t'],
  ])('makes the names in %s private', (given, expected) => {
    expect(prefixNames(given, lookAt(given), '7:')).toBe(expected)
  })
})
