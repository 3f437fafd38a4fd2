/** `p2pay generate` to stdout and files, and what stands beside it: the truth, shards, account files, readers that go. */
import {createHash} from 'node:crypto'
import {closeSync, openSync} from 'node:fs'
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {TYPOLOGIES} from '../../src/lib/payment/label.js'
import {type Finished, run, start} from '../support/p2pay.js'
import {makeTemporaryDirectory, removeDirectory} from '../support/temp.js'

const SEVEN = ['generate', '--count', '1000', '--seed', '7']

/** Of the command SEVEN. A change here is a change of everybody's streams: update with UPDATE_GOLDEN=1. */
const GOLDEN_FILE = fileURLToPath(new URL('../golden/generate-1000-seed-7.sha256', import.meta.url))
let golden = ''

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '')
const fieldsOf = (line: string): Record<string, unknown> => JSON.parse(line)

async function generate(args: readonly string[]): Promise<Finished> {
  const finished = await run(args, {cwd})
  expect(finished.exitCode, finished.stderr).toBe(0)
  return finished
}

/** One for all tests, each with its own names in it: they run at the same time. */
let cwd = ''
beforeAll(async () => {
  cwd = await makeTemporaryDirectory()
})
afterAll(() => removeDirectory(cwd))

beforeAll(async () => {
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    const {stdout} = await generate([...SEVEN, '--out', 'stdout'])
    await writeFile(GOLDEN_FILE, `${sha256(stdout)}\n`)
  }
  golden = (await readFile(GOLDEN_FILE, 'utf8')).trim()
})

describe.concurrent('the same command', () => {
  it.each([
    ['as it is', []],
    ['again with 1 worker', ['--workers', '1']],
    ['with 2 workers', ['--workers', '2']],
    ['with 4 workers', ['--workers', '4']],
    ['at a rate', ['--tps', '4000']],
  ])('writes the bytes of the golden digest %s', async (_name, more) => {
    const {stdout} = await generate([...SEVEN, '--out', 'stdout', ...more])
    expect(linesOf(stdout)).toHaveLength(1000)
    expect(sha256(stdout)).toBe(golden)
  })

  it('writes the same into a file, and other bytes for another seed', async () => {
    const {stdout} = await generate([...SEVEN, '--out', 'seven.ndjson', '--json'])
    expect(sha256(await readFile(join(cwd, 'seven.ndjson'), 'utf8'))).toBe(golden)
    expect(JSON.parse(stdout)).toMatchObject({seed: 7, sent: 1000, planned: 1000, destination: 'seven.ndjson'})
    const other = await generate(['generate', '--count', '1000', '--seed', '8', '--out', 'stdout'])
    expect(sha256(other.stdout)).not.toBe(golden)
  })
})

describe.concurrent('shards', () => {
  it('together are the whole stream, each with its own debtors', async () => {
    const shards = await Promise.all(
      ['1/3', '2/3', '3/3'].map(shard => generate([...SEVEN, '--out', 'stdout', '--shard', shard])),
    )
    const lines = shards.map(({stdout}) => linesOf(stdout))
    const ids = (line: string): string => String(fieldsOf(line)['payment_id'])
    const union = lines.flat().toSorted((a, b) => (ids(a) < ids(b) ? -1 : 1))
    expect(sha256(`${union.join('\n')}\n`)).toBe(golden)
    const debtors = lines.map(shard => new Set(shard.map(line => fieldsOf(line)['debtor_id'])))
    const all = debtors.flatMap(shard => [...shard])
    expect(new Set(all).size).toBe(all.length)
  })
})

describe('--truth', () => {
  let payments: string[] = []
  let labels: Record<string, unknown>[] = []
  beforeAll(async () => {
    const args = ['generate', '--count', '5000', '--seed', '7', '--fraud-rate', '0.05', '--out', 'p.ndjson']
    await generate([...args, '--truth', 't.ndjson'])
    payments = linesOf(await readFile(join(cwd, 'p.ndjson'), 'utf8'))
    labels = linesOf(await readFile(join(cwd, 't.ndjson'), 'utf8')).map(fieldsOf)
  })

  it('has a line for each payment, in order', () => {
    expect(labels.map(label => label['payment_id'])).toEqual(payments.map(line => fieldsOf(line)['payment_id']))
  })

  it('names the frauds and their typologies', () => {
    const frauds = labels.filter(label => label['is_fraud'] === true)
    expect(frauds.length).toBeGreaterThan(50)
    for (const fraud of frauds) expect(TYPOLOGIES).toContain(fraud['typology'])
    for (const label of labels) if (label['is_fraud'] === false) expect(label).not.toHaveProperty('typology')
  })

  it('is the only place that does: no payment has a word of it', () => {
    const words = [...TYPOLOGIES, ...['fraud', 'typology', 'label', 'campaign', 'look_alike', 'lookalike', 'cmp_']]
    const pattern = new RegExp(words.join('|'), 'i')
    expect(payments.filter(line => pattern.test(line))).toEqual([])
  })
})

describe.concurrent('CSV', () => {
  it('has a header and one row for each payment, also by the name of the file', async () => {
    const {stdout} = await generate([...SEVEN, '--out', 'stdout', '--format', 'csv'])
    const [header, ...rows] = linesOf(stdout)
    expect(header).toMatch(/^schema_version,payment_id,created_at,/)
    expect(rows).toHaveLength(1000)
    await generate([...SEVEN, '--out', 'seven.csv'])
    expect(await readFile(join(cwd, 'seven.csv'), 'utf8')).toBe(stdout)
  })
})

describe.concurrent('--accounts FILE', () => {
  it('makes the stream of the accounts that p2pay accounts exported', async () => {
    await generate(['accounts', '--count', '300', '--seed', '7', '--out', 'accounts.ndjson'])
    const exported = await readFile(join(cwd, 'accounts.ndjson'), 'utf8')
    const ids = new Set(linesOf(exported).map(line => fieldsOf(line)['account_id']))
    expect(ids.size).toBe(300)
    const fromFile = await generate([...SEVEN, '--accounts', 'accounts.ndjson', '--out', 'stdout'])
    for (const line of linesOf(fromFile.stdout)) expect(ids).toContain(fieldsOf(line)['debtor_id'])
    const made = await generate([...SEVEN, '--accounts', '300', '--out', 'stdout'])
    expect(sha256(fromFile.stdout)).toBe(sha256(made.stdout))
  })

  it.each([
    ['that is not there', 'nowhere.ndjson', /"nowhere\.ndjson" is neither a number nor a file/],
    ['that is no account file', 'other.ndjson', /other\.ndjson/],
  ])('%s is refused', async (_name, file, message) => {
    await writeFile(join(cwd, 'other.ndjson'), '{"some":"thing"}\n')
    const {exitCode, stderr} = await run([...SEVEN, '--accounts', file, '--out', 'stdout'], {cwd})
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)])
  })
})

describe.concurrent('a rate', () => {
  it('paces stdout', async () => {
    const started = performance.now()
    const {stdout, stderr} = await generate(['generate', '--tps', '100', '--duration', '1s', '--out', 'stdout'])
    expect(linesOf(stdout)).toHaveLength(100)
    expect(stderr).toMatch(/requested 100\/s, achieved \d/)
    expect(stderr).toMatch(/lateness p50 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms/)
    // The last payment is due after 990 ms.
    expect(performance.now() - started).toBeGreaterThan(990)
  })

  it('is not needed for a file; without a duration or count it says how much it writes', async () => {
    const {stdout, stderr} = await generate(['generate', '--out', 'some.ndjson'])
    expect(stderr).toContain('no --duration and no --count: 30,000 payments, as many as 500 payments/s make in 60 s')
    expect(stdout).toMatch(/wrote 30,000 payments to some\.ndjson\nunpaced, [\d,]+\/s/)
    expect(stdout).not.toContain('lateness')
  })
})

describe('a reader that goes', () => {
  it.each([
    ['unpaced', []],
    ['by several workers', ['--workers', '2']],
    ['at a rate', ['--tps', '5000']],
  ])('ends it quietly: %s', async (_name, more) => {
    const child = start(['generate', '--count', '1000000', '--out', 'stdout', '--quiet', ...more], {
      cwd,
    })
    await child.output(/(.*\n){3}/)
    child.process.stdout?.destroy()
    expect(await child.finished).toMatchObject({exitCode: 0, signal: null, stderr: ''})
  })
})

describe.concurrent('a full disk', () => {
  const FULL = {exitCode: 3, stderr: expect.stringMatching(/No space left while writing .*\nCode: P2PAY_DISK_FULL/)}

  it.each([
    ['for the payments', ['--out', '/dev/full']],
    ['for the payments at a rate', ['--out', '/dev/full', '--tps', '2000']],
    ['for the truth', ['--out', 'full.ndjson', '--truth', '/dev/full']],
  ])('%s ends it with exit 3', async (_name, more) => {
    expect(await run([...SEVEN, ...more], {cwd})).toMatchObject(FULL)
  })

  it.each([
    ['payments', [...SEVEN, '--out', 'stdout']],
    ['payments by several workers', [...SEVEN, '--out', 'stdout', '--workers', '2']],
    ['accounts', ['accounts']],
  ])('behind stdout ends it with exit 3: %s', async (_name, args) => {
    const full = openSync('/dev/full', 'w')
    try {
      expect(await run(args, {cwd, stdout: full})).toMatchObject(FULL)
    } finally {
      closeSync(full)
    }
  })
})

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it with exit %i and whole lines', async (signal, exitCode) => {
    const child = start(['generate', '--tps', '200', '--duration', '60s', '--out', 'stdout'], {cwd})
    await child.output(/(.*\n){20}/)
    child.kill(signal)
    const finished = await child.finished
    expect(finished.exitCode).toBe(exitCode)
    expect(finished.stdout.endsWith('}\n')).toBe(true)
    expect(finished.stderr).toMatch(new RegExp(`wrote ${linesOf(finished.stdout).length} payments to stdout`))
  })

  it('is the ordinary end of --duration forever', async () => {
    const child = start(['generate', '--tps', '200', '--duration', 'forever', '--out', 'stdout'], {
      cwd,
    })
    await child.output(/(.*\n){20}/)
    child.kill('SIGINT')
    expect((await child.finished).exitCode).toBe(0)
  })
})
