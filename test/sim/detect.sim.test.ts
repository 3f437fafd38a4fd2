/**
 * The detector under seeded accidents: processes die at any step, the database and the broker fail before and after the
 * deed, partitions move, members are thrown out without knowing, records are poison or sent twice. After each history an
 * oracle that knows nothing of the detector looks at what is left: rows, topics, offsets, state.
 * A failure names its seed; `simulate(seed)` repeats it exactly.
 */
import {describe, expect, it} from 'vitest'
import {Random} from '../../src/lib/base/random.js'
import {createDetector} from '../../src/lib/detect/create.js'
import type {Detector} from '../../src/lib/detect/detector.js'
import {decodePayment} from '../../src/lib/payment/decode.js'
import {encodePayment} from '../../src/lib/payment/encode.js'
import type {PartitionOffsets} from '../../src/lib/payment/record.js'
import {HEADERS, TOPICS} from '../../src/lib/payment/topics.js'
import {type DetectSummary, detect} from '../../src/lib/run/detect.js'
import {CountingDetector} from '../support/counting-detector.js'
import {Life, MemoryKafka, type Step, TestPublisher, TestSource} from '../support/memory-kafka.js'
import {MemoryTables, TestStore} from '../support/memory-store.js'
import {paymentWith, testPaymentId} from '../support/payments.js'
import {VirtualClock} from '../support/virtual-clock.js'

const SEED_COUNT = 300
const MAX_LIVES = 8

interface World {
  readonly seed: number
  readonly random: Random
  readonly clock: VirtualClock
  readonly kafka: MemoryKafka
  readonly tables: MemoryTables
  readonly hasDatabase: boolean
  readonly summaries: DetectSummary[]
}

/** What may go wrong in a history; rates are per step. */
interface Luck {
  readonly hasDatabase: boolean
  readonly dieRate: number
  readonly failRate: number
  readonly rebalances: boolean
  /** Payments come on the topic twice now and then. */
  readonly twins: boolean
  readonly detector: DetectorUnderTest
}

interface DetectorUnderTest {
  create(): Detector
  /** Everything that must be as if nothing had happened, at the end of a history. */
  digest(detector: Detector, partitionCount: number): unknown
}

const counting: DetectorUnderTest = {
  create: () => new CountingDetector(),
  digest: detector =>
    detector instanceof CountingDetector ? [detector.debtorDigest, detector.sharedCount] : 'another detector',
}

/** Debtor windows, byte for byte. What debtors share depends on the order in which partitions were read. */
const real: DetectorUnderTest = {
  create: () =>
    createDetector({reviewScore: 0.3, blockScore: 0.6, rules: {}, maxDebtorsPerPartition: 16, maxSharedEntities: 64}),
  digest: (detector, partitionCount) =>
    detector
      .snapshot(Array.from({length: partitionCount}, (_, id) => id))
      .filter(({shard}) => shard !== 'shared')
      .map(({shard, offsets, state}) => [shard, [...offsets], state.toString('base64')]),
}

describe('the detector under seeded accidents', () => {
  it(`balances the books in ${SEED_COUNT} histories with crashes, outages, rebalances and poison`, async () => {
    let crashes = 0
    let adopted = 0
    let replayed = 0
    for (let seed = 1; seed <= SEED_COUNT; seed++) {
      const world = await simulate(seed, {
        hasDatabase: true,
        dieRate: 0.012,
        failRate: 0.04,
        rebalances: seed % 3 === 0,
        twins: true,
        detector: counting,
      })
      crashes += world.crashes
      for (const {counters} of world.summaries) {
        adopted += counters.adopted
        replayed += counters.replayed
      }
    }
    // The histories are worth something only if the accidents happen.
    expect(crashes).toBeGreaterThan(SEED_COUNT)
    expect(adopted).toBeGreaterThan(SEED_COUNT)
    expect(replayed).toBeGreaterThan(SEED_COUNT)
  })

  it('leaves the real detector with the debtor windows of an undisturbed run', async () => {
    for (let seed = 1; seed <= SEED_COUNT / 5; seed++) {
      await simulate(seed, {
        hasDatabase: true,
        dieRate: 0.02,
        failRate: 0.04,
        rebalances: seed % 2 === 0,
        twins: true,
        detector: real,
      })
    }
  })

  it('never contradicts itself without a database either, as long as the process lives', async () => {
    for (let seed = 1; seed <= SEED_COUNT / 3; seed++)
      await simulate(seed, {
        hasDatabase: false,
        dieRate: 0,
        failRate: 0.06,
        rebalances: true,
        twins: false,
        detector: counting,
      })
  })
})

async function simulate(seed: number, luck: Luck): Promise<World & {crashes: number}> {
  const random = new Random(seed)
  const clock = new VirtualClock()
  const kafka = new MemoryKafka(1 + random.below(4))
  const world: World = {
    seed,
    random,
    clock,
    kafka,
    tables: new MemoryTables(),
    hasDatabase: luck.hasDatabase,
    summaries: [],
  }
  const label = `seed ${seed}`
  kafka.onCommit = offsets => checkCommit(world, offsets)
  const producing = produce(world, 20 + random.below(120), luck.twins)
  let crashes = 0
  let detector = luck.detector.create()
  try {
    for (let lifeNumber = 0; ; lifeNumber++) {
      const isLast = lifeNumber === MAX_LIVES || luck.dieRate === 0
      detector = luck.detector.create()
      const ended = await live(world, detector, isLast ? {...luck, dieRate: 0} : luck)
      if (!ended) crashes += 1
      else if (isLast || random.below(3) === 0) {
        // A calm last life sees to whatever was produced after the others had ended.
        await clock.until(producing)
        detector = luck.detector.create()
        await live(world, detector, {...luck, dieRate: 0, failRate: 0, rebalances: false})
        break
      }
    }
    checkBooks(world)
    checkState(world, detector, luck.detector)
  } catch (error) {
    throw new Error(`${label}: ${error instanceof Error ? error.message : error}`, {cause: error})
  }
  return {...world, crashes}
}

/** @returns false when the process died */
async function live(world: World, detector: Detector, luck: Luck): Promise<boolean> {
  const {random, clock, kafka, tables, hasDatabase} = world
  const died = new AbortController()
  const life: Life = new Life(clock, (step: Step) => {
    const chance = random.unit()
    if (chance < luck.dieRate) {
      died.abort()
      return 'die'
    }
    return step !== 'deliver' && chance < luck.dieRate + luck.failRate ? 'fail' : undefined
  })
  const source = new TestSource(kafka, life, {
    maxBatchCount: 1 + random.below(9),
    fetchMs: () => random.below(4),
    leaveOut: () => (random.below(20) === 0 ? 1 + random.below(3) : 0),
  })
  const store = new TestStore(tables, life, {
    insertMs: 1 + random.below(10),
    refuse: ({payment}) => payment.reference === 'refused',
  })
  const stop = new AbortController()
  // Some end by a signal in the middle of things, the others when nothing is left.
  if (luck.dieRate > 0 && random.below(3) === 0) void clock.sleep(random.below(400)).then(() => stop.abort())
  if (luck.rebalances) void rebalance(world, life, source)
  const running = detect({
    source,
    publisher: new TestPublisher(kafka, life, {publishMs: 1 + random.below(5), refuse: refuseLarge}),
    store: hasDatabase ? store : null,
    snapshots: store,
    detector,
    topics: TOPICS,
    group: 'g',
    clock: life.clock,
    signal: stop.signal,
    untilIdleMs: 2000,
    limits: {
      outboxCount: 1 + random.below(40),
      batchCount: 1 + random.below(20),
      lingerMs: random.below(3),
      snapshotIntervalMs: 5 + random.below(100),
    },
  })
  running.catch(() => {})
  const summary = await clock.until(
    Promise.race([
      running,
      new Promise<undefined>(resolve => died.signal.addEventListener('abort', () => resolve(undefined))),
    ]),
  )
  life.isDead = true
  if (summary !== undefined) world.summaries.push(summary)
  return summary !== undefined
}

async function rebalance({random, clock, kafka}: World, life: Life, source: TestSource): Promise<void> {
  const all = Array.from({length: kafka.partitionCount}, (_, id) => id)
  for (let round = 0; round < 4; round++) {
    await clock.sleep(20 + random.below(150))
    if (life.isDead || source.isStopped) return
    if (random.below(2) === 0) {
      source.isOutcast = true
      await clock.sleep(random.below(30))
    }
    await source.assign(all.filter(() => random.below(3) > 0))
    await clock.sleep(random.below(60))
    if (life.isDead || source.isStopped) return
    await source.assign(all)
  }
}

function refuseLarge({topic, value}: {topic: string; value: Buffer | null}): Error | undefined {
  if (topic === TOPICS.dlq || !value?.includes('unpublishable')) return undefined
  return Object.assign(new Error('too large'), {code: 'MESSAGE_TOO_LARGE'})
}

/** Payments by a few debtors, some sent twice, some poison, with gaps in the offsets. */
async function produce({random, kafka, clock}: World, count: number, twins: boolean): Promise<void> {
  const sent: {partition: number; value: Buffer; key: Buffer}[] = []
  for (let number = 0; number < count; number++) {
    if (random.below(4) === 0) await clock.sleep(random.below(30))
    const debtor = random.below(8)
    const partition = debtor % kafka.partitionCount
    const luck = random.below(100)
    if (luck < 4) kafka.append(partition, {key: null, value: POISON[random.below(POISON.length)] ?? null})
    else if (luck < 8) kafka.skip(partition, 1 + random.below(2))
    else if (twins && luck < 14 && sent.length > 0) {
      const twin = sent[random.below(sent.length)]
      if (twin !== undefined) kafka.append(twin.partition, twin)
    } else {
      const payment = paymentWith({
        paymentId: testPaymentId(number),
        debtorId: `debtor-${debtor}`,
        amountMinor: 1 + random.below(50_000),
        ...(luck < 16 ? {reference: 'refused'} : luck < 18 ? {reference: 'unpublishable'} : {}),
      })
      const record = {partition, key: Buffer.from(payment.debtorId), value: Buffer.from(encodePayment(payment))}
      kafka.append(partition, record)
      sent.push(record)
    }
  }
}

const POISON: readonly (Buffer | null)[] = [
  null,
  Buffer.from(''),
  Buffer.from('{"schema_version":1}'),
  Buffer.from('{{'),
]

/** An offset may be committed only when everything below it is where it belongs. */
function checkCommit({kafka, tables, hasDatabase}: World, offsets: PartitionOffsets): void {
  const out = outputsOf(kafka)
  for (const [id, committed] of offsets) {
    for (const record of kafka.log(id).records) {
      if (record.offset >= committed) break
      const decoded = decodePayment(record.value)
      const at = `${id}:${record.offset}`
      if (out.dead.has(at)) continue
      if (!decoded.ok) throw new Error(`commit of ${committed} before ${at} was dead-lettered`)
      const {paymentId} = decoded.payment
      if (hasDatabase && !tables.rows.has(paymentId)) throw new Error(`commit of ${committed} before the row of ${at}`)
      if (!out.decisions.has(paymentId)) throw new Error(`commit of ${committed} before the output of ${at}`)
    }
  }
}

function checkBooks(world: World): void {
  const {kafka, tables, hasDatabase} = world
  const out = outputsOf(kafka)
  const expectedIds = new Set<string>()
  const expectedDead = new Set<string>()
  const unpublishable = new Set<string>()
  for (const record of kafka.records) {
    const decoded = decodePayment(record.value)
    const reference = decoded.ok ? decoded.payment.reference : undefined
    if (!decoded.ok || reference === 'unpublishable' || (reference === 'refused' && hasDatabase))
      expectedDead.add(`${record.partition}:${record.offset}`)
    else expectedIds.add(decoded.payment.paymentId)
    if (decoded.ok && reference === 'unpublishable') unpublishable.add(decoded.payment.paymentId)
  }
  expect([...out.dead].sort()).toEqual([...expectedDead].sort())
  expect([...out.decisions.keys()].sort()).toEqual([...expectedIds].sort())
  for (const [paymentId, kinds] of out.decisions) {
    if (kinds.size !== 1) throw new Error(`${paymentId} was decided ${[...kinds].join(' and ')}`)
    const [kind] = kinds
    if (hasDatabase) expect(tables.rows.get(paymentId)?.decision.kind, paymentId).toBe(kind)
    expect(out.alerts.has(paymentId), `alert of ${paymentId}`).toBe(kind !== 'approve')
  }
  for (const paymentId of out.alerts) expect(out.decisions.has(paymentId), `${paymentId} behind its alert`).toBe(true)
  if (hasDatabase)
    expect([...tables.rows.keys()].filter(id => !unpublishable.has(id)).sort()).toEqual([...expectedIds].sort())
  for (let id = 0; id < kafka.partitionCount; id++) {
    const last = kafka.log(id).records.at(-1)
    if (last !== undefined) expect(kafka.committed.get(id), `committed offset of partition ${id}`).toBe(last.offset + 1)
  }
}

/** As if nothing had ever happened. */
function checkState({kafka}: World, detector: Detector, {create, digest}: DetectorUnderTest): void {
  const undisturbed = create()
  for (const record of kafka.records) {
    const decoded = decodePayment(record.value)
    if (decoded.ok) undisturbed.decide(decoded.payment, record)
    else undisturbed.skip(record)
  }
  expect(digest(detector, kafka.partitionCount)).toEqual(digest(undisturbed, kafka.partitionCount))
}

function outputsOf({outputs}: MemoryKafka): {
  decisions: Map<string, Set<string>>
  alerts: Set<string>
  dead: Set<string>
} {
  const decisions = new Map<string, Set<string>>()
  const alerts = new Set<string>()
  const dead = new Set<string>()
  for (const {topic, value, headers} of outputs) {
    if (topic === TOPICS.dlq) dead.add(`${headers[HEADERS.sourcePartition]}:${headers[HEADERS.sourceOffset]}`)
    else if (topic === TOPICS.alerts) alerts.add(String(JSON.parse(String(value)).payment_id))
    else {
      const decoded = decodePayment(value)
      if (!decoded.ok) throw new Error(`no payment on ${topic}`)
      const kind = String(headers[HEADERS.decision])
      if ((kind === 'approve') !== (topic === TOPICS.legit)) throw new Error(`${kind} on ${topic}`)
      const kinds = decisions.get(decoded.payment.paymentId) ?? new Set()
      decisions.set(decoded.payment.paymentId, kinds.add(kind))
    }
  }
  return {decisions, alerts, dead}
}
