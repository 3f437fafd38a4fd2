import {setMaxListeners} from 'node:events'

/**
 * An AbortController that any number of waits may share, such as one for each partition. Of more than ten listeners at
 * once Node would warn on stderr as of a leak.
 */
export function sharedAbort(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
