/** Files made from a result: `run` and `loadtest` write them at their end, `report` from a stored result. */
import {writeFile} from 'node:fs/promises'
import {dirname, extname} from 'node:path'
import {Flags} from '@oclif/core'
import {diskError} from '../base/disk.js'
import {UsageError} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {RunResult} from '../report/result.js'
import type {Problem} from '../scenario/problem.js'
import {problemsOfOutputs} from './output-files.js'

const ARTEFACTS = 'ARTEFACTS'

export const reportFlags = {
  html: Flags.string({description: 'Write the report as HTML.', helpValue: '<file>', helpGroup: ARTEFACTS}),
  junit: Flags.string({description: 'Write the verdicts as JUnit XML.', helpValue: '<file>', helpGroup: ARTEFACTS}),
  markdown: Flags.string({description: 'Write the report as markdown.', helpValue: '<file>', helpGroup: ARTEFACTS}),
  csv: Flags.string({
    description: 'Write one row a second as CSV (RFC 4180), units in the header.',
    helpValue: '<file>',
    helpGroup: ARTEFACTS,
  }),
  hgrm: Flags.string({
    description:
      'Write the latency distribution in HdrHistogram’s percentile format, in ms: of a load test the service time, and in the open model the planned time beside it (x.hgrm, x.planned.hgrm); of a run the time to the decision.',
    helpValue: '<file>',
    helpGroup: ARTEFACTS,
  }),
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
  readonly csv?: string | undefined
  readonly hgrm?: string | undefined
}

/** What can be known before the run: that a file cannot be written, or that two flags name one. */
export function problemsOfArtefacts(files: ArtefactFiles): Problem[] {
  const {hgrm} = files
  const named = ARTEFACT_FLAGS.flatMap(name => {
    const path = files[name]
    return path === undefined ? [] : [{flag: `--${name}`, path}]
  })
  return problemsOfOutputs(hgrm === undefined ? named : [...named, {flag: '--hgrm', path: withSuffix(hgrm, 'planned')}])
}

const ARTEFACT_FLAGS = ['out', 'html', 'junit', 'markdown', 'csv', 'hgrm'] as const

/**
 * Of a run that measured nothing, CSV and `.hgrm` have no rows: a file of an earlier run must not pass for this one's.
 *
 * @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK after having tried them all
 */
export async function writeArtefacts(result: RunResult, files: ArtefactFiles): Promise<void> {
  const work: Promise<void>[] = []
  const {out, html, junit, markdown, csv, hgrm} = files
  if (out !== undefined) work.push(writeText(out, async () => `${JSON.stringify(result, null, 2)}\n`))
  if (html !== undefined) work.push(writeText(html, async () => (await import('../report/html.js')).renderHtml(result)))
  if (junit !== undefined)
    work.push(writeText(junit, async () => (await import('../report/junit.js')).renderJunit(result)))
  if (markdown !== undefined) {
    work.push(writeText(markdown, async () => (await import('../report/markdown.js')).renderMarkdown(result)))
  }
  if (csv !== undefined) work.push(writeText(csv, async () => (await import('../report/csv.js')).renderCsv(result)))
  if (hgrm !== undefined) work.push(writeDistributions(hgrm, result))
  const failed = (await Promise.allSettled(work)).find(one => one.status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

/**
 * For a stored result: what is asked for must be in it, and what is in it is written all the same.
 *
 * @throws UsageError P2PAY_NO_FIGURES; EnvironmentError as `writeArtefacts`
 */
export async function writeFigures(result: RunResult, files: ArtefactFiles): Promise<void> {
  const {csv, hgrm} = files
  const [{hasSeries}, {hasDistribution}] = await Promise.all([
    import('../report/csv.js'),
    import('../report/distribution.js'),
  ])
  const lacksSeries = csv !== undefined && !hasSeries(result)
  const lacksDistribution = hgrm !== undefined && !hasDistribution(result)
  await writeArtefacts(result, {
    ...files,
    ...(lacksSeries ? {csv: undefined} : {}),
    ...(lacksDistribution ? {hgrm: undefined} : {}),
  })
  const missing = [
    ...(lacksSeries ? ['--csv: the result has no figures by second'] : []),
    ...(lacksDistribution ? ['--hgrm: the result has no latency histogram'] : []),
  ]
  if (missing.length === 0) return
  throw new UsageError(missing.join('\n'), {
    code: 'P2PAY_NO_FIGURES',
    suggestions: ['it was made by a run that measured none: one that was interrupted, or had no success'],
  })
}

/** Writes a file with the directories that it needs. @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
export async function writeText(path: string, render: () => Promise<string>): Promise<void> {
  const text = await render()
  try {
    makeDirectory(dirname(path))
    await writeFile(path, text)
  } catch (error) {
    throw diskError(error, path)
  }
}

async function writeDistributions(path: string, result: RunResult): Promise<void> {
  const {distributionsOf} = await import('../report/distribution.js')
  for (const {suffix, text} of distributionsOf(result)) {
    await writeText(suffix === '' ? path : withSuffix(path, suffix), async () => text)
  }
}

/** `x.hgrm` → `x.planned.hgrm`, `x` → `x.planned`. */
function withSuffix(path: string, suffix: string): string {
  const extension = extname(path)
  return `${path.slice(0, path.length - extension.length)}.${suffix}${extension}`
}
