/**
 * The truth about a payment. It comes from the same seed as the stream and never travels with it:
 * no message, header, key or id depends on it.
 */

export const TYPOLOGIES = ['velocity-burst', 'account-takeover', 'card-testing', 'mule-fan-in', 'structuring'] as const
export type Typology = (typeof TYPOLOGIES)[number]

export interface Label {
  readonly paymentId: string
  readonly sequence: number
  readonly isFraud: boolean
  /** The fraud's typology; undefined for legitimate payments. */
  readonly typology?: Typology
  /** The typology whose legitimate twin this payment belongs to; undefined for frauds and ordinary payments. */
  readonly lookAlikeOf?: Typology
  /** One concrete instance of a fraud or look-alike; equal for all its payments. */
  readonly campaignId?: string
  /** Position within the campaign, from 1. */
  readonly step?: number
  /** When an investigator would know, event time in ms; undefined for legitimate payments. */
  readonly confirmedAtMs?: number
}
