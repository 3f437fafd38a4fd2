/** The browser that pages are looked at with: the one that CHROMIUM_PATH names, else Debian's. Missing, it fails. */
import {accessSync, constants} from 'node:fs'
import {delimiter, join} from 'node:path'
import {type Browser, chromium} from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** @throws when there is none */
export function chromiumPath(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment['CHROMIUM_PATH']
  if (named) {
    if (isExecutable(named)) return named
    throw new Error(`CHROMIUM_PATH names ${named}, which cannot be run`)
  }
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(folder => folder !== '')
  for (const name of NAMES) {
    const found = folders.map(folder => join(folder, name)).find(isExecutable)
    if (found !== undefined) return found
  }
  throw new Error(`no Chromium on PATH: apt-get install --no-install-recommends chromium, or set CHROMIUM_PATH`)
}

/** Headless; close it. */
export function launchChromium(): Promise<Browser> {
  // Root, as in a container, has no sandbox; a small /dev/shm crashes tabs. The rest keeps the browser's own
  // housekeeping from calling home.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-sync']
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [...args, '--no-first-run', '--disable-component-update'],
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
