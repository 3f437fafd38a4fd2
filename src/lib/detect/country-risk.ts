/**
 * Countries by the lists of the Financial Action Task Force (as of October 2025; they change
 * three times a year): "high-risk jurisdictions subject to a call for action" and "jurisdictions under increased
 * monitoring". Being listed says something about a country's supervision, and nothing about a person.
 */
import {countryCode} from './event.js'

const CALL_FOR_ACTION = ['IR', 'KP', 'MM']
const INCREASED_MONITORING = 'AO BG BO CD CI CM DZ HT KE LA LB MC NA NP SS SY VE VG VN YE'.split(' ')

/** 2 call for action, 1 increased monitoring; absent: neither. By two letters in 16 bits. */
export function countryRisks(): ReadonlyMap<number, number> {
  const risks = new Map<number, number>()
  for (const country of INCREASED_MONITORING) risks.set(countryCode(country), 1)
  for (const country of CALL_FOR_ACTION) risks.set(countryCode(country), 2)
  return risks
}
