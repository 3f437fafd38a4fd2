/** HTML by template: whatever is put in is escaped, unless it is markup of this same template. */

export class Markup {
  constructor(readonly text: string) {}
}

export type Content = string | number | Markup | readonly Content[]

export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, index) => `${text}${rendered(contents[index - 1] ?? '')}${part}`))
}

export const NOTHING = new Markup('')

function rendered(content: Content): string {
  if (content instanceof Markup) return content.text
  if (typeof content === 'string') return escaped(content)
  return typeof content === 'number' ? escaped(String(content)) : content.map(rendered).join('')
}

/** For text and for attributes in either quotes; controls that HTML does not allow are dropped. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\u007E\u00A0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
