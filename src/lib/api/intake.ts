/** Port of the intake: what routes hand over and what they are told. payment-intake.ts does it. */
import type {Problem} from './problem.js'

/** A valid payment as it will be produced. */
export interface Submission {
  readonly paymentId: string
  /** From the Idempotency-Key header. */
  readonly idempotencyKey?: string
  /** The client brought no payment_id: `paymentId` is fresh. */
  readonly isIdMinted: boolean
  /** SHA-256 of the canonical fields as the client gave them, but for the id. */
  readonly digest: Buffer
  /** The record's key: debtor_id. */
  readonly key: Buffer
  readonly value: Buffer
  /** Wall clock µs. */
  readonly dueUs: number
  readonly arrivedUs: number
}

export type IntakeAnswer =
  | {
      readonly kind: 'accepted'
      readonly paymentId: string
      /** The same request was accepted before. */
      readonly isReplayed: boolean
      /** On the raw topic; undefined when only the claim is left to know of it. */
      readonly partition?: number
      readonly offset?: number
    }
  | {readonly kind: 'problem'; readonly problem: Problem}

export interface Intake {
  /** Never rejects. */
  submit(submission: Submission): Promise<IntakeAnswer>
  /** The broker has it, by an answer of this process, and the table of claims may not know yet. */
  isAcknowledged(paymentId: string): boolean
  /** Submitted and without an outcome, whether they wait for their claim or for the broker. */
  readonly pendingCount: number
  /** Of their values. */
  readonly pendingBytes: number
}
