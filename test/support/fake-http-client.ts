/**
 * An HTTP client without a network: a function says what the server answers and when, on the test's clock. It watches
 * what the caller promised: how many are under way, in which order they go, and when.
 */
import type {Clock} from '../../src/lib/base/clock.js'
import type {HttpClient, HttpOutcome, HttpRequest} from '../../src/lib/http/http-client.js'

/** What becomes of a request, and how long after it was sent. */
export interface FakeAnswer extends Partial<Omit<HttpOutcome, 'settledUs'>> {
  readonly afterMs: number
}

/** @param index of the request in the order of sending @param elapsedMs since the client was made */
export type FakeServer = (index: number, elapsedMs: number, request: HttpRequest) => FakeAnswer

export interface FakeHttpClient extends HttpClient {
  readonly sent: readonly {readonly sequence: number; readonly sentUs: number}[]
  readonly inFlight: number
  readonly maxInFlight: number
  readonly closed: boolean
}

/** Answers 202 after some time. */
export function steady(afterMs: number): FakeServer {
  return () => ({afterMs})
}

/** As `steady`, but nothing comes between two times: what was under way and what arrives is answered after them. */
export function stalling(serviceMs: number, fromMs: number, toMs: number): FakeServer {
  return (_, elapsedMs) => {
    const isStalled = elapsedMs + serviceMs > fromMs && elapsedMs < toMs
    return {afterMs: isStalled ? toMs - elapsedMs + serviceMs : serviceMs}
  }
}

export function openFakeClient(
  clock: Clock,
  server: FakeServer,
  {isSynchronous = false}: {readonly isSynchronous?: boolean} = {},
): FakeHttpClient {
  const openedUs = clock.nowUs()
  const sent: {sequence: number; sentUs: number}[] = []
  // What comes back at the same time wakes together.
  const pending = new Map<number, (() => void)[]>()
  const open = new Set<(outcome: HttpOutcome) => void>()
  let maxInFlight = 0
  let inFlight = 0
  let isClosed = false

  const later = (atUs: number, work: () => void): void => {
    const together = pending.get(atUs)
    if (together !== undefined) {
      together.push(work)
      return
    }
    const works = [work]
    pending.set(atUs, works)
    void clock.sleep((atUs - clock.nowUs()) / 1000).then(() => {
      pending.delete(atUs)
      for (const one of works) one()
    })
  }

  return {
    description: 'a fake client',
    sent,
    get inFlight() {
      return inFlight
    },
    get maxInFlight() {
      return maxInFlight
    },
    get closed() {
      return isClosed
    },
    send(request, onOutcome) {
      const sentUs = clock.nowUs()
      const {afterMs, ...answer} = server(sent.length, (sentUs - openedUs) / 1000, request)
      sent.push({sequence: Number(request.body?.toString('latin1')), sentUs})
      maxInFlight = Math.max(maxInFlight, ++inFlight)
      open.add(onOutcome)
      const settle = (): void => {
        if (!open.delete(onOutcome)) return
        inFlight--
        onOutcome(outcomeOf(answer, sentUs, clock.nowUs()))
      }
      if (isSynchronous) settle()
      else if (Number.isFinite(afterMs)) later(sentUs + Math.round(afterMs * 1000), settle)
    },
    async close() {
      isClosed = true
      for (const onOutcome of [...open]) {
        open.delete(onOutcome)
        inFlight--
        onOutcome(outcomeOf({kind: 'broken', errorCode: 'CLOSED'}, clock.nowUs(), clock.nowUs()))
      }
    },
  }
}

function outcomeOf(answer: Partial<HttpOutcome>, sentUs: number, settledUs: number): HttpOutcome {
  const kind = answer.kind ?? 'response'
  const isResponse = kind === 'response'
  return {
    kind,
    status: isResponse ? 202 : 0,
    sentUs: kind === 'refused' ? 0 : sentUs,
    firstByteUs: isResponse ? settledUs : 0,
    settledUs,
    receivedBytes: isResponse ? 40 : 0,
    body: null,
    errorCode: isResponse ? null : kind.toUpperCase(),
    errorMessage: isResponse ? null : `the request was ${kind}`,
    ...answer,
  }
}
