/** Takes secrets out of what is written down: command lines, URLs and headers. */

const SECRET_NAME = /auth|cookie|credential|key|password|passwd|secret|signature|session|token/i
const HIDDEN = '***'

/** A URL for a report: without user and password, and with the values of telling query parameters hidden. */
export function redactUrl(text: string): string {
  return text
    .replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i, '$1')
    .replaceAll(/([?&])([^=&#]+)=([^&#]*)/g, (whole: string, mark: string, name: string) =>
      SECRET_NAME.test(name) ? `${mark}${name}=${HIDDEN}` : whole,
    )
}

/** Arguments for a report. Values of headers that say by their name that they are secret, passwords in URLs. */
export function redactArguments(argv: readonly string[]): string[] {
  return argv.map((argument, index) => {
    const before = argv[index - 1]
    if (before === '-H' || before === '--header') return redactHeader(argument)
    const [, flag, rest] = /^(--header=|-H)(.+)$/s.exec(argument) ?? []
    if (flag !== undefined && rest !== undefined) return flag + redactHeader(rest)
    if (/^[\w.-]+=/.test(argument) && SECRET_NAME.test(argument.slice(0, argument.indexOf('=')))) {
      return isProperty(argument) ? `${argument.slice(0, argument.indexOf('='))}=${HIDDEN}` : argument
    }
    return hidePassword(argument)
  })
}

function redactHeader(header: string): string {
  const colon = header.indexOf(':')
  const name = header.slice(0, Math.max(0, colon)).trim()
  return SECRET_NAME.test(name) && name.toLowerCase() !== 'idempotency-key'
    ? `${header.slice(0, colon)}: ${HIDDEN}`
    : header
}

/** A client property such as sasl.password=…, not a flag. */
function isProperty(argument: string): boolean {
  return !argument.startsWith('-') && argument.includes('.')
}

/** The user stays: the line is there to be run again. */
function hidePassword(argument: string): string {
  const hidden = argument.replace(/([a-z][a-z\d+.-]*:\/\/[^/?#:@]*):[^/?#]*@/i, `$1:${HIDDEN}@`)
  return /^(--[\w-]+=)?https?:\/\//i.test(hidden)
    ? hidden.replaceAll(/([?&])([^=&#]+)=([^&#]*)/g, (whole: string, mark: string, name: string) =>
        SECRET_NAME.test(name) ? `${mark}${name}=${HIDDEN}` : whole,
      )
    : hidden
}
