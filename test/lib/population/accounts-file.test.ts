import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {runTagFromSeed} from '../../../src/lib/generate/defaults.js'
import {encodeAccount, readAccounts} from '../../../src/lib/population/accounts-file.js'
import {buildPopulation, exportAccounts} from '../../../src/lib/population/population.js'
import {makeTemporaryDirectory, removeDirectory} from '../../support/temp.js'

const PERSON = {account_id: 'a', kind: 'person', country: 'DE', currency: 'EUR', latitude: 52.5, longitude: 13.4}
const OTHER = {...PERSON, account_id: 'b'}
const SHOP = {...PERSON, account_id: 'c', kind: 'merchant', merchant_category: '5411'}

describe('an accounts file', () => {
  let directory = ''
  beforeAll(async () => {
    directory = await makeTemporaryDirectory()
  })
  afterAll(() => removeDirectory(directory))

  async function fileOf(...lines: (string | object)[]): Promise<string> {
    const path = join(directory, 'accounts.ndjson')
    await writeFile(path, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
    return path
  }

  it('gives back what was exported', async () => {
    const population = buildPopulation({seed: 3, runTag: runTagFromSeed(3), accountCount: 200})
    const accounts = [...exportAccounts(population)]
    expect(await readAccounts(await fileOf(...accounts.map(encodeAccount)))).toEqual(accounts)
  })

  it('may have a byte order mark, blank lines, CRLF and no last newline', async () => {
    const path = await fileOf(`\uFEFF${JSON.stringify(PERSON)}\r`, '', `${JSON.stringify(OTHER)}\r`, SHOP)
    expect((await readAccounts(path)).map(account => account.accountId)).toEqual(['a', 'b', 'c'])
  })

  it.each([
    ['not JSON', '{', /line 4: not JSON/],
    ['an array', '[]', /line 4: not a JSON object/],
    ['a number', '7', /line 4: not a JSON object/],
    ['null', 'null', /line 4: not a JSON object/],
    ['an unknown key', {...PERSON, account_id: 'd', name: 'x'}, /line 4: unknown key "name"/],
    ['a missing id', {...PERSON, account_id: undefined}, /line 4: account_id \(missing\)/],
    ['an empty id', {...PERSON, account_id: ''}, /line 4: account_id ""/],
    ['an id that is a number', {...PERSON, account_id: 12}, /line 4: account_id 12/],
    ['an id with a quote', {...PERSON, account_id: 'a"b'}, /line 4: account_id/],
    ['an id with a NUL', {...PERSON, account_id: 'a\u0000b'}, /line 4: account_id/],
    ['an id with a lone surrogate', {...PERSON, account_id: 'a\ud800'}, /line 4: account_id/],
    ['an id that is too long', {...PERSON, account_id: 'x'.repeat(201)}, /line 4: account_id/],
    ['an id that occurs twice', PERSON, /line 4: account id "a" is that of line 1/],
    ['an unknown kind', {...PERSON, account_id: 'd', kind: 'bank'}, /line 4: kind "bank"/],
    ['a country that is none', {...PERSON, account_id: 'd', country: 'Germany'}, /line 4: country "Germany"/],
    ['a currency that is none', {...PERSON, account_id: 'd', currency: 'eur'}, /line 4: currency "eur"/],
    ['a latitude off the globe', {...PERSON, account_id: 'd', latitude: 91}, /line 4: latitude 91/],
    ['a longitude that is text', {...PERSON, account_id: 'd', longitude: '13'}, /line 4: longitude "13"/],
    [
      'a merchant without category',
      {...SHOP, account_id: 'd', merchant_category: undefined},
      /line 4: merchant_category \(missing\)/,
    ],
    [
      'a merchant with a bad category',
      {...SHOP, account_id: 'd', merchant_category: '541'},
      /line 4: merchant_category "541"/,
    ],
    ['a person with a category', {...PERSON, account_id: 'd', merchant_category: '5411'}, /line 4: a person has no/],
  ])('is refused for %s', async (_name, line, message) => {
    const reading = readAccounts(await fileOf(PERSON, OTHER, SHOP, line))
    await expect(reading).rejects.toMatchObject({code: 'P2PAY_ACCOUNTS_FILE', message: expect.stringMatching(message)})
  })

  it.each([
    ['nobody', [], /two persons.*one merchant/s],
    ['one person', [PERSON, SHOP], /at least two persons are needed, there are 1/],
    ['no merchant', [PERSON, OTHER], /at least one merchant/],
  ])('is refused with %s', async (_name, lines, message) => {
    await expect(readAccounts(await fileOf(...lines))).rejects.toThrow(message)
  })

  it('names all problems at once, and how many it does not show', async () => {
    const bad = Array.from({length: 30}, () => ({...PERSON, kind: 'x', country: 'y'}))
    const reading = readAccounts(await fileOf(...bad))
    await expect(reading).rejects.toThrow(/line 1: kind "x".*line 1: country "y".*line 10: .*and 40 more/s)
  })

  it('that is not there is an environment error', async () => {
    const reading = readAccounts(join(directory, 'nowhere.ndjson'))
    await expect(reading).rejects.toMatchObject({code: 'P2PAY_ACCOUNTS_UNREADABLE', oclif: {exit: 3}})
  })

  it('that is a directory is an environment error', async () => {
    await expect(readAccounts(directory)).rejects.toMatchObject({code: 'P2PAY_ACCOUNTS_UNREADABLE'})
  })
})
