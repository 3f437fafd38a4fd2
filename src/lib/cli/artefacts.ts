/** Files made from a result: `run` writes them at its end, `report` from a stored result. */
import {writeFile} from 'node:fs/promises'
import {dirname} from 'node:path'
import {Flags} from '@oclif/core'
import {diskError} from '../base/disk.js'
import {makeDirectory} from '../base/make-directory.js'
import type {RunResult} from '../report/result.js'

const ARTEFACTS = 'ARTEFACTS'

export const reportFlags = {
  html: Flags.string({description: 'Write the report as HTML.', helpValue: '<file>', helpGroup: ARTEFACTS}),
  junit: Flags.string({description: 'Write the verdicts as JUnit XML.', helpValue: '<file>', helpGroup: ARTEFACTS}),
  markdown: Flags.string({description: 'Write the report as markdown.', helpValue: '<file>', helpGroup: ARTEFACTS}),
}

export const artefactFlags = {
  out: Flags.string({
    char: 'o',
    description: 'Write the result as JSON.',
    helpValue: '<file>',
    helpGroup: ARTEFACTS,
  }),
  ...reportFlags,
}

export interface ArtefactFiles {
  readonly out?: string | undefined
  readonly html?: string | undefined
  readonly junit?: string | undefined
  readonly markdown?: string | undefined
}

/** @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK after having tried them all */
export async function writeArtefacts(result: RunResult, files: ArtefactFiles): Promise<void> {
  const work: Promise<void>[] = []
  const {out, html, junit, markdown} = files
  if (out !== undefined) work.push(write(out, async () => `${JSON.stringify(result, null, 2)}\n`))
  if (html !== undefined) work.push(write(html, async () => (await import('../report/html.js')).renderHtml(result)))
  if (junit !== undefined) work.push(write(junit, async () => (await import('../report/junit.js')).renderJunit(result)))
  if (markdown !== undefined) {
    work.push(write(markdown, async () => (await import('../report/markdown.js')).renderMarkdown(result)))
  }
  const failed = (await Promise.allSettled(work)).find(one => one.status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

async function write(path: string, render: () => Promise<string>): Promise<void> {
  const text = await render()
  try {
    makeDirectory(dirname(path))
    await writeFile(path, text)
  } catch (error) {
    throw diskError(error, path)
  }
}
