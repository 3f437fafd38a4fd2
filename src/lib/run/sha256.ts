import {createHash} from 'node:crypto'
import {createReadStream} from 'node:fs'
import {EnvironmentError} from '../base/errors.js'

/** SHA-256 of a file, hex. @throws EnvironmentError P2PAY_FILE when it cannot be read */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk)
  } catch (cause) {
    throw new EnvironmentError(`The file ${path} cannot be read`, {
      code: 'P2PAY_FILE',
      suggestions: ['check that it exists and is readable'],
      cause,
    })
  }
  return hash.digest('hex')
}
