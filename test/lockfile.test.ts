/**
 * `npm ci` is the first command of the README. It refuses a lock that lacks an optional package of another platform,
 * which npm leaves out silently when the registry at hand does not have it.
 */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'

interface LockedPackage {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

type Packages = Readonly<Record<string, LockedPackage>>

const ROOT = join(import.meta.dirname, '..')
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')
const packages: Packages = JSON.parse(read('package-lock.json')).packages

/** As Node looks it up: beside the package, then in each folder above. */
function isLocked(from: string, name: string): boolean {
  const steps = from.split('/node_modules/')
  return (
    steps.some((_, index) => `${steps.slice(0, index + 1).join('/node_modules/')}/node_modules/${name}` in packages) ||
    `node_modules/${name}` in packages
  )
}

describe('package-lock.json', () => {
  it('has an entry for every dependency, also for those of other platforms', () => {
    const missing = Object.entries(packages).flatMap(([path, {dependencies, devDependencies, optionalDependencies}]) =>
      Object.keys({...dependencies, ...devDependencies, ...optionalDependencies})
        .filter(name => !isLocked(path, name))
        .map(name => `${path} → ${name}`),
    )
    expect(missing).toEqual([])
  })

  it('is the lock of this package.json', () => {
    const {dependencies, devDependencies} = JSON.parse(read('package.json'))
    expect(packages['']).toMatchObject({dependencies, devDependencies})
  })

  it('names no registry, so that everybody installs from their own', () => {
    expect(read('package-lock.json')).not.toContain('"resolved": "http')
  })
})
