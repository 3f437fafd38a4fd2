/** Every migration, in the order in which they are applied. A published one is never edited: add the next. */

import {payments} from './0001_payments.js'
import {detectorSnapshots} from './0002_detector_snapshots.js'
import {paymentClaims} from './0003_payment_claims.js'
import {paymentLookups} from './0004_payment_lookups.js'
import type {Migration} from './migration.js'

export const MIGRATIONS: readonly Migration[] = [payments, detectorSnapshots, paymentClaims, paymentLookups]
