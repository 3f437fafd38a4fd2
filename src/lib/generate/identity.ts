/** How codes and addresses are written: the text forms behind the numbers of a draft. */
import type {RunTag} from '../payment/payment-id.js'

export const CODE_DIGITS = 8

export function devicePrefix(runTag: RunTag): string {
  return `dev_${runTag}_`
}

export function cardPrefix(runTag: RunTag): string {
  return `card_${runTag}_`
}

/** Eight lower-case hex digits. */
export function codeText(code: number): string {
  return code.toString(16).padStart(CODE_DIGITS, '0')
}

/** The last four digits printed on a card, as a number; they follow from its code. */
export function lastFourOf(card: number): number {
  return (Math.imul(card, 0x9e3779b1) >>> 16) % 10_000
}

export function ipText(ip: number): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`
}
