/**
 * The HTML report in a real browser: it loads nothing, complains of nothing, and its plots can be seen, in light and dark,
 * on a wide screen and on a narrow one.
 */
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import type {Browser} from 'playwright-core'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {renderHtml} from '../../src/lib/report/html.js'
import {loadtestResult, sampleResult} from '../support/sample-result.js'
import {withTemporaryDirectory} from '../support/temp.js'
import {launchChromium} from './chromium.js'

let browser: Browser

beforeAll(async () => {
  browser = await launchChromium()
})

afterAll(async () => {
  await browser.close()
})

interface Seen {
  /** From the console, and errors of the page. */
  readonly complaints: readonly string[]
  readonly requests: readonly string[]
  readonly url: string
  /** Of the page's text on its ground: WCAG's contrast. */
  readonly contrast: number
  /** How light the ground is, in [0, 1]. */
  readonly ground: number
  /** Whether the page itself scrolls sideways. */
  readonly isTooWide: boolean
  /** Its charts: size on the page, and how long its lines are drawn. */
  readonly charts: readonly {
    readonly label: string
    readonly width: number
    readonly height: number
    readonly lines: readonly number[]
    readonly bars: number
    readonly smallestText: number
  }[]
}

function look(html: string, view: {readonly scheme: 'light' | 'dark'; readonly width: number}): Promise<Seen> {
  return withTemporaryDirectory(async directory => {
    const path = join(directory, 'report.html')
    await writeFile(path, html)
    const url = pathToFileURL(path).href
    const page = await browser.newPage({viewport: {width: view.width, height: 900}, colorScheme: view.scheme})
    const complaints: string[] = []
    const requests: string[] = []
    page.on('console', message => complaints.push(message.text()))
    page.on('pageerror', error => complaints.push(error.message))
    page.on('request', request => requests.push(request.url()))
    await page.goto(url)
    const seen = await page.evaluate(LOOK)
    await page.close()
    return {complaints, requests, url, ...(seen as Omit<Seen, 'complaints' | 'requests' | 'url'>)}
  })
}

/** Runs in the page; as text, because the tests know no DOM. */
const LOOK = `(() => {
  const channels = color => color.match(/[\\d.]+/g).slice(0, 3).map(value => {
    const share = Number(value) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  const light = color => { const [r, g, b] = channels(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  const style = getComputedStyle(document.body)
  const [low, high] = [light(style.color), light(style.backgroundColor)].sort((a, b) => a - b)
  return {
    ground: light(style.backgroundColor),
    contrast: (high + 0.05) / (low + 0.05),
    isTooWide: document.documentElement.scrollWidth > window.innerWidth,
    charts: [...document.querySelectorAll('svg.chart')].map(chart => {
      const box = chart.getBoundingClientRect()
      const scale = box.width / chart.viewBox.baseVal.width
      return {
        label: chart.getAttribute('aria-label'),
        width: box.width,
        height: box.height,
        lines: [...chart.querySelectorAll('path.line')].map(line => line.getTotalLength()),
        bars: [...chart.querySelectorAll('rect.fill, rect.bar')].filter(bar => bar.getBoundingClientRect().height > 0).length,
        smallestText: Math.min(...[...chart.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize) * scale)),
      }
    }),
  }
})()`

const PERCENTILES = 'Latency in milliseconds by percentile'
const OVER_TIME = 'Latency in milliseconds over time'

describe.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 390],
  ['dark', 390],
] as const)('in %s, %i pixels wide', (scheme, width) => {
  it.each([
    [
      'a load test of the open model',
      loadtestResult('open'),
      ['Requests per second over time: due, sent, succeeded, failed, dropped', OVER_TIME, PERCENTILES],
    ],
    [
      'a load test of the closed model',
      loadtestResult('closed'),
      ['Requests per second over time: sent, succeeded, failed', OVER_TIME, PERCENTILES],
    ],
    ['a run', sampleResult(), ['Payments acknowledged in each second', PERCENTILES]],
  ])('the report of %s can be seen, and nothing leaves it', async (_, result, labels) => {
    const seen = await look(renderHtml(result), {scheme, width})
    expect(seen.complaints).toEqual([])
    expect(seen.requests).toEqual([seen.url])
    expect(seen.isTooWide).toBe(false)
    expect(seen.ground < 0.1).toBe(scheme === 'dark')
    expect(seen.contrast).toBeGreaterThan(7)
    expect(seen.charts.map(({label}) => label)).toEqual(labels)
    for (const chart of seen.charts) {
      expect(chart.width).toBeGreaterThan(600)
      expect(chart.height).toBeGreaterThan(100)
      expect(chart.lines.length + chart.bars).toBeGreaterThan(0)
      expect(chart.lines.filter(length => length === 0)).toEqual([])
      expect(chart.smallestText).toBeGreaterThan(8)
    }
  })
})
