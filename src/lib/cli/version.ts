import {readFileSync} from 'node:fs'

/** Version of p2pay, from its package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  const value: unknown = JSON.parse(text)
  const isVersioned = typeof value === 'object' && value !== null && 'version' in value
  return isVersioned && typeof value.version === 'string' ? value.version : '0.0.0'
}
