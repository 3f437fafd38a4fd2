/** JUnit's XML, as CI servers read it; suites without cases are left out. */

export interface Case {
  readonly name: string
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped'
  readonly message: string
  readonly detail?: string
  /** Seconds, where the case took some of its own. */
  readonly timeS?: number
}

export interface Suite {
  readonly name: string
  readonly cases: readonly Case[]
}

export interface JunitDocument {
  readonly name: string
  readonly suites: readonly Suite[]
  /** Seconds. */
  readonly timeS: number
  /** ISO 8601. */
  readonly timestamp: string
}

export function junitXml({name, suites, timeS, timestamp}: JunitDocument): string {
  const filled = suites.filter(suite => suite.cases.length > 0)
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({name, ...totals(filled.flatMap(suite => suite.cases)), time: timeS})}>`,
    ...filled.flatMap(suite => suiteLines(suite, timestamp)),
    '</testsuites>',
  ]
  return `${lines.join('\n')}\n`
}

function suiteLines({name, cases}: Suite, timestamp: string): string[] {
  return [
    `  <testsuite${attributes({name, ...totals(cases), timestamp})}>`,
    ...cases.flatMap(each => caseLines(name, each)),
    '  </testsuite>',
  ]
}

function caseLines(suite: string, {name, outcome, message, detail = '', timeS}: Case): string[] {
  const time = timeS === undefined ? {} : {time: timeS}
  const open = `    <testcase${attributes({classname: `p2pay.${suite}`, name, ...time})}`
  const output = outcome === 'passed' && detail !== '' ? `      <system-out>${escaped(detail)}</system-out>` : undefined
  if (outcome === 'passed' && output === undefined) return [`${open}/>`]
  const body =
    output ?? `      <${outcome}${attributes({message})}${detail === '' ? '/>' : `>${escaped(detail)}</${outcome}>`}`
  return [`${open}>`, body, '    </testcase>']
}

function totals(cases: readonly Case[]): Readonly<Record<string, number>> {
  const count = (outcome: Case['outcome']): number => cases.filter(each => each.outcome === outcome).length
  return {tests: cases.length, failures: count('failure'), errors: count('error'), skipped: count('skipped')}
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('')
}

/** XML 1.0 text: markup escaped, and characters that XML cannot carry (controls, lone surrogates) replaced. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replaceAll(/[\t\n\r]/g, sign => `&#${sign.charCodeAt(0)};`)
}
