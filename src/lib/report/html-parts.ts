/** The pieces that all sections of the HTML report are made of. */
import {formatMs, NOT_MEASURED} from './format.js'
import {type Content, html, type Markup, NOTHING} from './markup.js'
import type {Mark} from './view.js'

const SIGNS: Readonly<Record<Mark, string>> = {pass: '✓', fail: '✗', warn: '!'}

export function section(title: string, content: readonly Content[]): Markup {
  return html`<section><h2>${title}</h2>${content}</section>`
}

/** @param head name and class of each column */
export function table(head: readonly (readonly [string, string])[], rows: readonly Markup[]): Markup {
  return html`<div class="scroll"><table><thead><tr>${head.map(([name, kind]) => html`<th class="${kind}">${name}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`
}

export function list(items: readonly Markup[]): Markup {
  return items.length === 0 ? NOTHING : html`<ul>${items}</ul>`
}

/** Figures to be seen first: name, value, and small print below. */
export function tiles(figures: readonly (readonly [name: string, value: string, small: string])[]): Markup {
  return html`<dl class="tiles">${figures.map(
    ([name, value, small]) => html`<div><dt>${name}</dt><dd>${value}<small>${small}</small></dd></div>`,
  )}</dl>`
}

export function numberCell(text: string): Markup {
  return html`<td class="number">${text}</td>`
}

export function numberHead(names: readonly string[]): (readonly [string, string])[] {
  return names.map(name => [name, 'number'] as const)
}

export function markCell(mark: Mark): Markup {
  return html`<td class="mark ${mark}" title="${mark}">${SIGNS[mark]}</td>`
}

export function remark(text: string): Markup {
  return text === '' ? NOTHING : html`<p class="soft" style="margin:.6rem 0 0">${text}</p>`
}

export function ms(us: number | null | undefined): string {
  return us === null || us === undefined ? NOT_MEASURED : `${formatMs(us)} ms`
}
