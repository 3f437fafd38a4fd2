/** GitHub-flavoured markdown: tables, and text that can start no markup. */
import {plainText} from './format.js'
import type {Mark} from './view.js'

export const SIGNS: Readonly<Record<Mark, string>> = {pass: '✅', fail: '❌', warn: '⚠️'}

/** @param right columns of figures */
export function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, column) => (right.includes(column) ? '--:' : '---'))), ...rows.map(line)].join(
    '\n',
  )
}

/** Text that can start no markup, end no cell and open no tag. */
export function escaped(text: string): string {
  return plainText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\*_{}[\]#|~!@]|^[-+]|^\d+(?=[.)])/g, sign => (/\d/.test(sign) ? `${sign}\\` : `\\${sign}`))
    .replaceAll('`', '&#96;')
}

/** Within backticks nothing is markup but the backtick itself; a bar would still end a table's cell. */
export function code(text: string): string {
  return plainText(text).replaceAll('`', '’').replaceAll('|', '\\|')
}
