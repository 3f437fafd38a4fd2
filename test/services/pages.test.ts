/** The pages that p2pay makes, in a real browser: they show what they should, and need nobody but this machine. */
import type {Browser, Page} from 'playwright-core'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {start} from '../support/p2pay.js'
import {withTemporaryDirectory} from '../support/temp.js'
import {launchChromium} from './chromium.js'

let browser: Browser

beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

interface Watched {
  readonly page: Page
  /** Requests that would have left this machine. */
  readonly strays: string[]
  /** What the browser had to complain about. */
  readonly complaints: string[]
}

/** A fresh page whose every request and complaint is written down; what would leave 127.0.0.1 is stopped. */
async function openPage(): Promise<Watched> {
  const page = await browser.newPage({viewport: {width: 1280, height: 900}})
  const strays: string[] = []
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('requestfailed', request => complaints.push(`${request.url()}: ${request.failure()?.errorText}`))
  page.on('response', response => {
    if (response.status() >= 400) complaints.push(`${response.url()} answered ${response.status()}`)
  })
  await page.route('**/*', route => {
    const {protocol, hostname} = new URL(route.request().url())
    const isLocal = protocol === 'data:' || protocol === 'file:' || hostname === '127.0.0.1'
    if (isLocal) return route.continue()
    strays.push(route.request().url())
    return route.abort()
  })
  return {page, strays, complaints}
}

describe('the watch over a page', () => {
  it('sees what would leave this machine, and what the browser complains about', async () => {
    const {page, strays, complaints} = await openPage()
    await page.setContent('<img src="http://192.0.2.1/stray.png"><script>console.error("a complaint")</script>')
    expect(strays).toEqual(['http://192.0.2.1/stray.png'])
    expect(complaints).toContain('a complaint')
    await page.close()
  })
})

interface Described {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, {readonly operationId: string; readonly tags: readonly string[]}>>>
  >
}

describe('/api/v1/docs', () => {
  it('shows every operation whole, asks nobody outside, and lets one be tried', async () => {
    await withTemporaryDirectory(async cwd => {
      const server = start(['serve', '--port', '0'], {cwd})
      const [, docsUrl = ''] = await server.output(/docs at (http:\/\/127\.0\.0\.1:\d+\/api\/v1\/docs)/)
      const {page, strays, complaints} = await openPage()
      await page.goto(docsUrl)

      const described: Described = await (await page.request.get(docsUrl.replace(/docs$/, 'openapi.json'))).json()
      const operations = Object.values(described.paths).flatMap(methods => Object.values(methods))
      expect(operations.length).toBeGreaterThan(10)
      await page.waitForSelector('.opblock')
      expect(await page.locator('.opblock').count()).toBe(operations.length)
      for (const {operationId, tags} of operations) {
        const block = page.locator(`#operations-${tags[0]}-${operationId}`)
        await block.locator('.opblock-summary-control').click()
        await block.locator('.responses-table .response').first().waitFor()
        // Everything open at once makes the page slow, and it is no more of a test.
        if (operationId !== 'getHealth') await block.locator('.opblock-summary-control').click()
      }
      expect(await page.locator('.errors-wrapper').count()).toBe(0)
      expect(await page.getByText(/could not (resolve|render)/i).count()).toBe(0)

      const health = page.locator('#operations-operations-getHealth')
      await health.getByRole('button', {name: 'Try it out'}).click()
      await health.getByRole('button', {name: 'Execute'}).click()
      const live = health.locator('.live-responses-table .response')
      await live.waitFor()
      expect(await live.locator('.response-col_status').first().textContent()).toContain('200')

      expect(strays).toEqual([])
      expect(complaints).toEqual([])
      await page.close()
      server.kill('SIGTERM')
      expect((await server.finished).exitCode).toBe(0)
    })
  })
})
