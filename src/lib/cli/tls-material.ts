/** Certificates and keys that flags name, looked at before the first connection would fail by them. */
import {X509Certificate} from 'node:crypto'
import {createSecureContext} from 'node:tls'
import {messageOf} from '../base/errors.js'

export interface TlsMaterial {
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

export interface TlsMaterialProblem {
  readonly part: keyof TlsMaterial
  readonly message: string
}

/** @param material PEM texts */
export function problemsOfTlsMaterial({ca, certificate, key}: TlsMaterial): TlsMaterialProblem[] {
  const problems: TlsMaterialProblem[] = []
  // Node takes a text without a certificate as an empty list of authorities.
  if (ca !== undefined) attempt('ca', () => new X509Certificate(ca), 'holds no certificate', problems)
  if (certificate !== undefined) {
    attempt('certificate', () => new X509Certificate(certificate), 'holds no certificate', problems)
  }
  if (problems.some(({part}) => part === 'certificate')) return problems
  if (key !== undefined) attempt('key', () => createSecureContext({key}), 'holds no key that can be read', problems)
  if (certificate === undefined || key === undefined || problems.some(({part}) => part === 'key')) return problems
  const pair = (): unknown => createSecureContext({cert: certificate, key})
  attempt('key', pair, 'does not go with the certificate', problems)
  return problems
}

function attempt(part: keyof TlsMaterial, work: () => unknown, what: string, problems: TlsMaterialProblem[]): void {
  try {
    work()
  } catch (error) {
    problems.push({part, message: `${what}: ${messageOf(error)}`})
  }
}
