import {type DirectoryLock, lockDirectory} from '../base/directory-lock.js'
import {EnvironmentError} from '../base/errors.js'

/**
 * One broker per directory.
 *
 * @throws EnvironmentError P2PAY_BROKER_START when another live process holds the directory
 */
export function lockBrokerDirectory(directory: string): DirectoryLock {
  const lock = lockDirectory(directory)
  if (!('heldBy' in lock)) return lock
  throw new EnvironmentError(`${directory} is in use by the broker of process ${lock.heldBy || 'unknown'}`, {
    code: 'P2PAY_BROKER_START',
    suggestions: [
      'use that broker (its address is in .p2pay/up.json)',
      'or stop that process, or name another directory',
    ],
  })
}
