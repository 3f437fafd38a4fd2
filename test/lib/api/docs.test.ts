/** The pages of the API: whole from this server, open to everybody, and talking to nobody else. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {DOCS_PATH} from '../../../src/lib/api/docs.js'
import {type ApiWorld, apiWorld} from '../../support/api-world.js'

let world: ApiWorld

beforeAll(async () => {
  world = await apiWorld({apiKey: 'secret'})
})
afterAll(() => world.close())

async function text(path: string): Promise<string> {
  const response = await world.app.inject({url: path})
  expect(response.statusCode, path).toBe(200)
  return response.body
}

/** What a page makes a browser load. */
function filesOf(html: string): string[] {
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
}

describe('the pages at /api/v1/docs', () => {
  it.each([DOCS_PATH, `${DOCS_PATH}/`])('load nothing but files of this server, from %s', async page => {
    const html = await text(page)
    const files = filesOf(html)
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) {
      expect(file).toMatch(/^(\.|\/api\/v1\/docs)\/static\//)
      await text(file.replace(/^\./, DOCS_PATH))
    }
    expect(html).not.toMatch(/<script>|<style/)
  })

  it('have styles that load nothing, and fonts of the system', async () => {
    for (const file of filesOf(await text(DOCS_PATH)).filter(name => name.endsWith('.css'))) {
      const css = await text(file)
      expect(css).not.toMatch(/@import|@font-face/)
      for (const [url] of css.matchAll(/url\([^)]{0,40}/g)) expect(url).toMatch(/^url\(["']?data:/)
    }
  })

  it('ask no validator, and show this document', async () => {
    const settings = await text(`${DOCS_PATH}/static/swagger-initializer.js`)
    expect(settings).toContain('validatorUrl: null')
    expect(settings).toContain("url: resolveUrl('./json')")
    expect(settings).not.toMatch(/https?:\/\/(?!stackoverflow\.com)/)
  })

  it('come with a policy that lets a browser talk to this server alone', async () => {
    for (const path of ['', '/', '/json', '/static/swagger-ui-bundle.js', '/static/nothing.js']) {
      const {headers} = await world.app.inject({url: `${DOCS_PATH}${path}`})
      const policy = new Map(
        String(headers['content-security-policy'])
          .split(';')
          .map(directive => directive.trim().split(' '))
          .map(([name = '', ...sources]) => [name, sources]),
      )
      expect(policy.get('default-src'), path).toEqual(["'none'"])
      expect(policy.get('script-src')).toEqual(["'self'"])
      expect(policy.get('connect-src')).toEqual(["'self'"])
      expect([...policy.values()].flat().filter(source => /[.*]|https?:|unsafe/.test(source))).toEqual([])
    }
  })

  it('want no key, where everything else does', async () => {
    await text(DOCS_PATH)
    await text(`${DOCS_PATH}/json`)
    expect((await world.app.inject({url: '/api/v1/alerts'})).statusCode).toBe(401)
  })

  it.each([
    ['a path out of the folder', `${DOCS_PATH}/static/..%2f..%2fpackage.json`],
    ['a file that is not there', `${DOCS_PATH}/static/nothing.js`],
  ])('have no %s', async (_, path) => {
    const response = await world.app.inject({url: path})
    expect(response.statusCode).toBeGreaterThanOrEqual(400)
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  })
})
