/**
 * What a decision costs: decode and decide, one core, over dist/. Payments are made here: accounts with a few payees
 * and one device each, event time at three payments a day and account.
 *
 * Usage: node bench/detect.mjs [accounts = 100000] [payments = 1000000]
 * The first fifth warms up and is not counted. Units: µs per payment on the wall clock, and in brackets of processor
 * time (user and system, all threads of the process), which other work on the machine disturbs less.
 */
import {createDetector} from '../dist/lib/detect/create.js'
import {DEFAULT_DETECTOR_OPTIONS} from '../dist/lib/detect/options.js'
import {decodePayment} from '../dist/lib/payment/decode.js'
import {encodePayment} from '../dist/lib/payment/encode.js'

const accountCount = Number(process.argv[2] ?? 100_000)
const paymentCount = Number(process.argv[3] ?? 1_000_000)
// Small, as a poll gives them: the payments of a large batch would leave the caches before they are decided on.
const BATCH = 500
const PARTITIONS = 6

const detector = createDetector(DEFAULT_DETECTOR_OPTIONS)
const decisions = {approve: 0, review: 0, block: 0}
const msBetween = 86_400_000 / 3 / accountCount
let state = 12345
const below = bound => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 4294967296) * bound)
}

function payment(sequence) {
  const account = below(accountCount)
  const payee = (account * 7 + below(4) * 31) % accountCount
  return {
    schemaVersion: 1,
    paymentId: `a1b2c3d4-e5f6-8000-8000-${sequence.toString(16).padStart(12, '0')}`,
    createdAtMs: Math.floor(1_767_225_600_000 + sequence * msBetween),
    paymentType: 'purchase',
    debtorId: `acc_a1b2c3d4e5f6_${account.toString().padStart(8, '0')}`,
    creditorId: `acc_a1b2c3d4e5f6_${payee.toString().padStart(8, '0')}`,
    creditorType: payee % 3 === 0 ? 'person' : 'merchant',
    amountMinor: Math.round(3000 * Math.exp((below(1000) + below(1000) + below(1000) - 1500) / 600)) + 1,
    currency: 'EUR',
    method: 'card',
    cardToken: `tok_a1b2c3d4e5f6_${account.toString().padStart(8, '0')}`,
    cardLastFour: '1234',
    channel: 'pos',
    country: 'DE',
    creditorCountry: 'DE',
    ipAddress: `10.${account % 250}.${(account >> 8) % 250}.${(account >> 16) % 250}`,
    deviceId: `dev_a1b2c3d4e5f6_${account.toString().padStart(8, '0')}`,
    latitude: 52.12345,
    longitude: 13.54321,
    merchantCategory: '5411',
  }
}

let decodeNs = 0n
let decideNs = 0n
let decodeCpuUs = 0
let decideCpuUs = 0
const cpuUs = () => {
  const {user, system} = process.cpuUsage()
  return user + system
}
let counted = 0
const offsets = new Array(PARTITIONS).fill(0)
for (let start = 0; start < paymentCount; start += BATCH) {
  const size = Math.min(BATCH, paymentCount - start)
  const values = Array.from({length: size}, (_, index) => Buffer.from(encodePayment(payment(start + index))))
  const cpuBefore = cpuUs()
  const before = process.hrtime.bigint()
  const payments = values.map(value => decodePayment(value).payment)
  const between = process.hrtime.bigint()
  const cpuBetween = cpuUs()
  for (const one of payments) {
    const partition = one.debtorId.charCodeAt(one.debtorId.length - 1) % PARTITIONS
    decisions[detector.decide(one, {partition, offset: offsets[partition]++}).kind]++
  }
  const after = process.hrtime.bigint()
  const cpuAfter = cpuUs()
  if (start < paymentCount / 5) continue
  decodeNs += between - before
  decideNs += after - between
  decodeCpuUs += cpuBetween - cpuBefore
  decideCpuUs += cpuAfter - cpuBetween
  counted += size
}
const beforeSnapshot = process.hrtime.bigint()
const snapshotBytes = detector.snapshot([0, 1, 2, 3, 4, 5]).reduce((sum, {state: bytes}) => sum + bytes.length, 0)
const snapshotMs = Number(process.hrtime.bigint() - beforeSnapshot) / 1e6

const us = ns => Number(ns) / counted / 1000
process.stdout.write(
  [
    `node ${process.version}, ${accountCount} accounts, ${paymentCount} payments, ${counted} counted`,
    `decode    ${us(decodeNs).toFixed(2)} µs (${(decodeCpuUs / counted).toFixed(2)})`,
    `decide    ${us(decideNs).toFixed(2)} µs (${(decideCpuUs / counted).toFixed(2)})   ${Math.round(1e6 / us(decideNs))}/s (${Math.round((1e6 * counted) / decideCpuUs)}/s)`,
    `state     ${(detector.stats.stateBytes / 1e6).toFixed(1)} MB   snapshot ${(snapshotBytes / 1e6).toFixed(1)} MB in ${snapshotMs.toFixed(0)} ms`,
    `entities  ${JSON.stringify(detector.stats.entityCount)}`,
    `decisions ${JSON.stringify(decisions)}`,
    '',
  ].join('\n'),
)
