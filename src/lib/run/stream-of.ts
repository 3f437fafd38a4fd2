/** From a manifest back to its stream: what the truth, the audit and a repeated run are made from. */
import {EnvironmentError} from '../base/errors.js'
import {createPaymentStream} from '../generate/payment-stream.js'
import {type AccountRecord, KEY_FIELDS, type PaymentStream, type StreamInputs} from '../generate/stream.js'
import type {Schedule} from '../pace/schedule.js'
import type {Plan} from '../scenario/plan.js'
import type {Manifest} from './run-directory.js'

export interface StreamIdentity {
  readonly plan: Plan
  readonly tag: string
  readonly startMs: number
  readonly key: StreamInputs['key']
  readonly shard?: StreamInputs['shard']
  readonly accounts?: readonly AccountRecord[] | undefined
  readonly schedule: Schedule
  /** Wall clock of the schedule's beginning, µs, asked for when the first payment is made: `--clock wall` counts from it. */
  readonly scheduleStartedUs: () => number
}

export function streamInputsOf(identity: StreamIdentity): StreamInputs {
  const {plan, schedule, scheduleStartedUs} = identity
  return {
    seed: plan.seed,
    runTag: identity.tag,
    startMs: identity.startMs,
    accountCount: plan.accountCount,
    fraudRate: plan.fraudRate,
    typologies: plan.typologies,
    lookAlikeRate: plan.lookAlikeRate,
    key: identity.key,
    ...(identity.accounts === undefined ? {} : {accounts: identity.accounts}),
    ...(identity.shard === undefined ? {} : {shard: identity.shard}),
    ...(plan.clock === 'wall'
      ? {eventTimeMs: (sequence: number) => Math.floor((scheduleStartedUs() + schedule.dueUs(sequence)) / 1000)}
      : {}),
  }
}

/**
 * The stream that a manifest describes.
 *
 * @throws EnvironmentError P2PAY_MANIFEST_VERSION when another version of the generator made it
 */
export function streamOfManifest(
  manifest: Manifest,
  context: {
    readonly version: string
    readonly schedule: Schedule
    readonly accounts?: readonly AccountRecord[] | undefined
  },
): PaymentStream {
  if (manifest.p2pay_version !== context.version) {
    throw new EnvironmentError(
      `Run ${manifest.tag} was made by p2pay ${manifest.p2pay_version}, this is ${context.version}: its stream cannot be made again`,
      {code: 'P2PAY_MANIFEST_VERSION', suggestions: [`use p2pay ${manifest.p2pay_version} for this run`]},
    )
  }
  const key = KEY_FIELDS.find(field => field === manifest.key)
  if (key === undefined) {
    throw new EnvironmentError(`Run ${manifest.tag} has an unknown key "${manifest.key}"`, {code: 'P2PAY_MANIFEST'})
  }
  return createPaymentStream(
    streamInputsOf({
      plan: manifest.plan,
      tag: manifest.tag,
      startMs: Date.parse(manifest.start),
      key,
      ...(manifest.shard === null ? {} : {shard: manifest.shard}),
      accounts: context.accounts,
      schedule: context.schedule,
      scheduleStartedUs: () => manifest.schedule_started_us ?? 0,
    }),
  )
}
