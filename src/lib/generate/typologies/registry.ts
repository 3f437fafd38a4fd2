/** All typologies by name. A new one is a file beside this, a line here and its name in payment/label.ts. */
import type {Typology} from '../../payment/label.js'
import type {TypologyDefinition} from '../campaign.js'
import {accountTakeover} from './account-takeover.js'
import {cardTesting} from './card-testing.js'
import {muleFanIn} from './mule-fan-in.js'
import {structuring} from './structuring.js'
import {velocityBurst} from './velocity-burst.js'

export const TYPOLOGY_DEFINITIONS: Readonly<Record<Typology, TypologyDefinition>> = {
  'velocity-burst': velocityBurst,
  'account-takeover': accountTakeover,
  'card-testing': cardTesting,
  'mule-fan-in': muleFanIn,
  structuring,
}
