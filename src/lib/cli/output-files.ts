/** Whether files that flags name can be written, found out before the work that they are to tell of. */
import {accessSync, constants, statSync} from 'node:fs'
import {dirname, resolve} from 'node:path'
import {codeOf} from '../base/disk.js'
import {messageOf} from '../base/errors.js'
import type {Problem} from '../scenario/problem.js'

export interface OutputFile {
  /** `--html` */
  readonly flag: string
  readonly path: string
}

/** Nothing is made or opened: an old file stays as it is until there is something new. */
export function problemsOfOutputs(files: readonly OutputFile[]): Problem[] {
  const first = new Map<string, string>()
  return files.flatMap(({flag, path}) => {
    const why = whyNotWritable(path)
    if (why !== undefined) return [{where: flag, message: why}]
    // Several may go to one device or pipe.
    if (statSync(path, {throwIfNoEntry: false})?.isFile() === false) return []
    const taken = first.get(resolve(path))
    if (taken !== undefined && taken !== flag) {
      return [{where: flag, message: `${path} is what ${taken} writes: name another file`}]
    }
    first.set(resolve(path), flag)
    return []
  })
}

function whyNotWritable(path: string): string | undefined {
  if (path === '') return 'names no file'
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      const isDirectory = statSync(at).isDirectory()
      if (at === resolve(path)) {
        if (isDirectory) return `${path} is a directory: name a file in it`
      } else if (!isDirectory) return `${path} cannot be written: ${at} is no directory`
      accessSync(at, constants.W_OK)
      return undefined
    } catch (error) {
      // What is missing can be made where that is above which is there; a file on the way says ENOTDIR.
      const isAbove = ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '') && dirname(at) !== at
      if (!isAbove) return `${path} cannot be written: ${messageOf(error)}`
    }
  }
}
