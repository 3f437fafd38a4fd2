import {createHash} from 'node:crypto'
import {canonicalJson} from '../base/canonical-json.js'
import type {Plan} from './plan.js'

/** SHA-256, hex, of the plan as canonical JSON. */
export function planDigest(plan: Plan): string {
  return createHash('sha256').update(canonicalJson(plan)).digest('hex')
}
