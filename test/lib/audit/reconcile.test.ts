import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type Ladder, STAGES, type Stage} from '../../../src/lib/audit/ladder.js'
import {
  createReconciler,
  MAX_EXAMPLES,
  MAX_STRAYS,
  type ReconcilerOptions,
  SEND_STATES,
  type SendState,
} from '../../../src/lib/audit/reconcile.js'
import {DECISIONS} from '../../../src/lib/payment/decision.js'
import {anomaliesByDefinition, type RunStory, type Sighting} from './ladder-oracle.js'

const idOf = (sequence: number): string => `id-${sequence}`

/** Approved, reviewed, blocked, dead-lettered: each payment where it belongs. */
const HEALTHY: RunStory = {
  states: ['acked', 'acked', 'acked', 'acked'],
  sightings: [
    ...[0, 1, 2, 3].map((sequence): Sighting => ({stage: 'raw', sequence})),
    {stage: 'legit', sequence: 0, kind: 'approve'},
    {stage: 'rows', sequence: 0, kind: 'approve'},
    {stage: 'fraud', sequence: 1, kind: 'review'},
    {stage: 'rows', sequence: 1, kind: 'review'},
    {stage: 'alerts', sequence: 1},
    {stage: 'fraud', sequence: 2, kind: 'block'},
    {stage: 'rows', sequence: 2, kind: 'block'},
    {stage: 'alerts', sequence: 2},
    {stage: 'dlq', sequence: 3},
  ],
}

function ladderOf({states, sightings}: RunStory, options: Partial<ReconcilerOptions> = {}): Ladder {
  const reconciler = createReconciler({idOf, ...options})
  reconciler.plan(0, states.length)
  states.forEach((state, sequence) => {
    reconciler.journal(sequence, state)
  })
  for (const {stage, sequence, kind} of sightings) reconciler.seen(stage, sequence, kind)
  return reconciler.finish()
}

/** `kind@stage count`, with ! when it breaks the books. */
function summary(ladder: Ladder): string[] {
  return ladder.anomalies.map(({kind, stage, count, fatal}) => `${fatal ? '!' : ''}${kind}@${stage} ${count}`)
}

const without =
  (...gone: readonly [Stage, number][]) =>
  (story: RunStory): RunStory => ({
    ...story,
    sightings: story.sightings.filter(
      ({stage, sequence}) => !gone.some(([goneStage, goneId]) => stage === goneStage && sequence === goneId),
    ),
  })
const plus =
  (...more: readonly Sighting[]) =>
  (story: RunStory): RunStory => ({...story, sightings: [...story.sightings, ...more]})
const withState =
  (sequence: number, state: SendState) =>
  (story: RunStory): RunStory => ({...story, states: story.states.with(sequence, state)})
const all =
  (...changes: readonly ((story: RunStory) => RunStory)[]) =>
  (story: RunStory): RunStory =>
    changes.reduce((changed, change) => change(changed), story)

describe('the ladder', () => {
  it('counts each payment once at each stage, and balances', () => {
    expect(ladderOf(HEALTHY)).toEqual({
      ...{planned: 4, sent: 4, acked: 4, failed: 0, unknown: 0},
      ...{onRaw: 4, legit: 1, fraud: 2, dlq: 1, rows: 3, alerts: 2},
      foreign: {},
      anomalies: [],
      balanced: true,
    })
  })

  it('balances an empty run', () => {
    expect(ladderOf({states: [], sightings: []})).toMatchObject({planned: 0, onRaw: 0, anomalies: [], balanced: true})
  })

  it('counts what was not sent, refused or lost from sight apart', () => {
    const states: SendState[] = ['acked', 'unsent', 'unsent', 'failed', 'unknown']
    const ladder = ladderOf({states, sightings: HEALTHY.sightings.filter(({sequence}) => sequence === 0)})
    expect(ladder).toMatchObject({planned: 5, sent: 3, acked: 1, failed: 1, unknown: 1, onRaw: 1, balanced: true})
  })

  // Each line is one fault, and all that must be said of it. No line survives without the check that it is about.
  it.each<[string, (story: RunStory) => RunStory, string[]]>([
    ['acked, never on the raw topic', without(['raw', 0], ['legit', 0], ['rows', 0]), ['!lost@raw 1']],
    ['acked, decided, but not on the raw topic', without(['raw', 0]), ['!lost@raw 1', '!unexplained@decided 1']],
    ['unknown, and arrived', withState(0, 'unknown'), ['arrived-unknown@raw 1']],
    ['unknown, and did not', all(withState(0, 'unknown'), without(['raw', 0], ['legit', 0], ['rows', 0])), []],
    [
      'unknown, arrived, then lost',
      all(withState(3, 'unknown'), without(['dlq', 3])),
      ['!lost@decided 1', 'arrived-unknown@raw 1'],
    ],
    ['on the raw topic, without a fate', without(['dlq', 3]), ['!lost@decided 1']],
    [
      'dead-lettered without being on the raw topic',
      all(withState(3, 'unknown'), without(['raw', 3])),
      ['!unexplained@decided 1'],
    ],
    ['approved, without a row', without(['rows', 0]), ['!lost@rows 1']],
    ['blocked, without a row', without(['rows', 2]), ['!lost@rows 1']],
    ['a row without a decision', plus({stage: 'rows', sequence: 3, kind: 'approve'}), ['!unexplained@rows 1']],
    ['flagged, without an alert', without(['alerts', 1]), ['!lost@alerts 1']],
    ['an alert of an approved payment', plus({stage: 'alerts', sequence: 0}), ['!unexplained@alerts 1']],
    ['twice on the raw topic', plus({stage: 'raw', sequence: 0}), ['duplicate@raw 1']],
    ['twice on legit', plus({stage: 'legit', sequence: 0, kind: 'approve'}), ['duplicate@legit 1']],
    ['three times on fraud', plus({stage: 'fraud', sequence: 1}, {stage: 'fraud', sequence: 1}), ['duplicate@fraud 1']],
    ['twice dead-lettered', plus({stage: 'dlq', sequence: 3}), ['duplicate@dlq 1']],
    ['two alerts', plus({stage: 'alerts', sequence: 1}), ['duplicate@alerts 1']],
    ['two rows', plus({stage: 'rows', sequence: 0, kind: 'approve'}), ['!duplicate@rows 1']],
    ['beyond the plan', plus({stage: 'raw', sequence: 99}), ['!phantom@raw 1']],
    ['beyond any column', plus({stage: 'rows', sequence: 2 ** 47}), ['!phantom@rows 1']],
    ['never sent, and everywhere: named once, where it is first seen', withState(0, 'unsent'), ['!phantom@raw 1']],
    ['refused before append, and there', withState(0, 'failed'), ['!phantom@raw 1']],
    ['never sent, first seen on legit', all(withState(0, 'unsent'), without(['raw', 0])), ['!phantom@legit 1']],
    ['never sent, first seen on fraud', all(withState(1, 'unsent'), without(['raw', 1])), ['!phantom@fraud 1']],
    ['never sent, first seen in the DLQ', all(withState(3, 'unsent'), without(['raw', 3])), ['!phantom@dlq 1']],
    [
      'a phantom twice',
      plus({stage: 'raw', sequence: 99}, {stage: 'raw', sequence: 99}),
      ['!phantom@raw 1', 'duplicate@raw 1'],
    ],
    [
      'on legit and on fraud',
      plus({stage: 'fraud', sequence: 0, kind: 'approve'}, {stage: 'alerts', sequence: 0}),
      ['!contradicted@decided 1'],
    ],
    ['decided and dead-lettered', plus({stage: 'dlq', sequence: 0}), ['!contradicted@decided 1']],
    [
      'reviewed and blocked',
      plus({stage: 'fraud', sequence: 1, kind: 'block'}),
      ['!contradicted@decided 1', 'duplicate@fraud 1'],
    ],
    [
      'blocked on legit',
      all(
        without(['legit', 0], ['rows', 0]),
        plus({stage: 'legit', sequence: 0, kind: 'block'}, {stage: 'rows', sequence: 0, kind: 'block'}),
      ),
      ['!misrouted@legit 1'],
    ],
    [
      'approved on fraud',
      all(
        without(['fraud', 1], ['rows', 1]),
        plus({stage: 'fraud', sequence: 1, kind: 'approve'}, {stage: 'rows', sequence: 1, kind: 'approve'}),
      ),
      ['!misrouted@fraud 1'],
    ],
    [
      'approved on the topic, blocked in the table',
      all(without(['rows', 0]), plus({stage: 'rows', sequence: 0, kind: 'block'})),
      ['!misrouted@rows 1'],
    ],
    [
      'reviewed on the topic, blocked in the table',
      all(without(['rows', 1]), plus({stage: 'rows', sequence: 1, kind: 'block'})),
      ['!misrouted@rows 1'],
    ],
    [
      'no decision in the header, and the row of the other topic',
      all(
        without(['legit', 0], ['rows', 0]),
        plus({stage: 'legit', sequence: 0}, {stage: 'rows', sequence: 0, kind: 'review'}),
      ),
      ['!misrouted@rows 1'],
    ],
    [
      'no decision in the header, and a row that fits the topic',
      all(
        without(['fraud', 1], ['rows', 1]),
        plus({stage: 'fraud', sequence: 1}, {stage: 'rows', sequence: 1, kind: 'block'}),
      ),
      [],
    ],
  ])('%s', (_, change, expected) => {
    const ladder = ladderOf(change(HEALTHY))
    expect(summary(ladder)).toEqual(expected)
    expect(ladder.balanced).toBe(!expected.some(line => line.startsWith('!')))
  })

  it('keeps equal and opposite faults apart: totals that agree do not balance the books', () => {
    const ladder = ladderOf(all(without(['rows', 0]), plus({stage: 'rows', sequence: 3, kind: 'approve'}))(HEALTHY))
    expect([ladder.rows, (ladder.legit ?? 0) + (ladder.fraud ?? 0)]).toEqual([3, 3])
    expect(ladder.balanced).toBe(false)
  })

  it('agrees exactly with the definition by sets, for any run', () => {
    const sighting = fc.record(
      {
        stage: fc.constantFrom(...STAGES),
        sequence: fc.integer({min: 0, max: 11}),
        kind: fc.constantFrom(...DECISIONS),
      },
      {requiredKeys: ['stage', 'sequence']},
    )
    const carriesKind = (stage: Stage): boolean => stage === 'legit' || stage === 'fraud' || stage === 'rows'
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...SEND_STATES), {maxLength: 10}),
        fc.array(sighting, {maxLength: 60}),
        (states, seen) => {
          const sightings = seen.map(
            ({stage, sequence, kind}): Sighting =>
              kind === undefined || !carriesKind(stage) ? {stage, sequence} : {stage, sequence, kind},
          )
          const ladder = ladderOf({states, sightings})
          const actual = new Map(ladder.anomalies.map(({kind, stage, examples}) => [`${kind}@${stage}`, examples]))
          const expected = anomaliesByDefinition({states, sightings})
          expect(actual).toEqual(new Map([...expected].map(([name, ids]) => [name, ids.map(idOf)])))
          for (const anomaly of ladder.anomalies) expect(anomaly.count).toBe(anomaly.examples.length)
          const distinct = (stage: Stage): number =>
            new Set(sightings.filter(each => each.stage === stage).map(({sequence}) => sequence)).size
          expect([ladder.onRaw, ladder.legit, ladder.fraud, ladder.dlq, ladder.rows, ladder.alerts]).toEqual(
            STAGES.map(distinct),
          )
        },
      ),
      {numRuns: 1000},
    )
  })
})

describe('what was not looked at', () => {
  it.each<[string, readonly Stage[], Partial<Ladder>]>([
    ['no database', ['raw', 'legit', 'fraud', 'dlq', 'alerts'], {rows: null, alerts: 2, balanced: true}],
    ['no detector', ['raw'], {onRaw: 4, legit: null, fraud: null, dlq: null, rows: null, alerts: null, balanced: true}],
    ['nothing', [], {acked: 4, onRaw: null, balanced: true}],
  ])('is null and loses nothing: %s', (_, stages, expected) => {
    const sightings = HEALTHY.sightings.filter(({stage}) => stages.includes(stage))
    expect(ladderOf({...HEALTHY, sightings}, {stages})).toMatchObject(expected)
  })
})

describe('a reconciler', () => {
  it('takes what no journal speaks of as unknown, or as not sent when told so', () => {
    const of = (unjournalled?: 'unknown' | 'unsent'): Ladder => {
      const reconciler = createReconciler({idOf, ...(unjournalled === undefined ? {} : {unjournalled})})
      reconciler.plan(0, 3)
      reconciler.journal(0, 'acked')
      for (const sequence of [0, 1]) reconciler.seen('raw', sequence)
      for (const sequence of [0, 1]) reconciler.seen('dlq', sequence)
      return reconciler.finish()
    }
    expect(of()).toMatchObject({planned: 3, sent: 3, unknown: 2})
    expect(summary(of())).toEqual(['arrived-unknown@raw 1'])
    expect(of('unsent')).toMatchObject({planned: 3, sent: 1, unknown: 0})
    expect(summary(of('unsent'))).toEqual(['!phantom@raw 1'])
  })

  it('believes the last word of the journal', () => {
    const reconciler = createReconciler({idOf, stages: []})
    reconciler.plan(0, 1)
    reconciler.journal(0, 'unknown')
    reconciler.journal(0, 'acked')
    expect(reconciler.finish()).toMatchObject({acked: 1, unknown: 0})
  })

  it('knows plans with gaps, as a shard has them', () => {
    const reconciler = createReconciler({idOf, unjournalled: 'unsent'})
    reconciler.plan(0, 2)
    reconciler.plan(10, 12)
    reconciler.journal(11, 'acked')
    reconciler.seen('raw', 5)
    expect(reconciler.finish()).toMatchObject({planned: 4, sent: 1})
    expect(summary(reconciler.finish())).toEqual(['!lost@raw 1', '!phantom@raw 1'])
  })

  it('counts strangers and holds them against nobody', () => {
    const reconciler = createReconciler({idOf})
    reconciler.foreign('raw')
    reconciler.foreign('raw')
    reconciler.foreign('rows')
    expect(reconciler.finish()).toMatchObject({foreign: {raw: 2, rows: 1}, anomalies: [], balanced: true})
  })

  it('names the first examples only, and counts all', () => {
    const states = Array.from({length: 50}, (): SendState => 'acked')
    const [lost] = ladderOf({states, sightings: []}).anomalies
    expect(lost).toMatchObject({kind: 'lost', stage: 'raw', count: 50})
    expect(lost?.examples).toEqual(Array.from({length: MAX_EXAMPLES}, (_, sequence) => idOf(sequence)))
  })

  it('stays small among any number of phantoms, and still counts them', () => {
    const reconciler = createReconciler({idOf})
    for (let stray = 0; stray < MAX_STRAYS + 5; stray++) reconciler.seen('raw', 2 ** 40 + stray)
    expect(reconciler.finish()).toMatchObject({
      onRaw: MAX_STRAYS + 5,
      anomalies: [{kind: 'phantom', stage: 'raw', count: MAX_STRAYS + 5, fatal: true}],
    })
  })

  it.each<[string, (reconciler: ReturnType<typeof createReconciler>) => void]>([
    ['a journal entry of what was not planned', reconciler => reconciler.journal(3, 'acked')],
    ['no sequence number', reconciler => reconciler.seen('raw', 1.5)],
    [
      'a plan after its sightings',
      reconciler => {
        reconciler.seen('raw', 3)
        reconciler.plan(0, 5)
      },
    ],
  ])('refuses %s as a bug', (_, act) => {
    expect(() => act(createReconciler({idOf}))).toThrow(expect.objectContaining({code: 'P2PAY_BUG'}))
  })
})
