/** The ladder by sets of ids, straight from its definition: slow, obvious, and the judge of reconcile.ts. */
import type {AnomalyKind, AnomalyStage, Stage} from '../../../src/lib/audit/ladder.js'
import type {SendState} from '../../../src/lib/audit/reconcile.js'
import type {DecisionKind} from '../../../src/lib/payment/decision.js'

export interface Sighting {
  readonly stage: Stage
  readonly sequence: number
  readonly kind?: DecisionKind
}

export interface RunStory {
  /** Planned payments; the index is the sequence number. */
  readonly states: readonly SendState[]
  readonly sightings: readonly Sighting[]
}

type Ids = ReadonlySet<number>

/** Ids by `kind@stage`; empty ones are left out. */
export function anomaliesByDefinition({states, sightings}: RunStory): Map<string, number[]> {
  const inState = (...wanted: SendState[]): Ids =>
    new Set(states.flatMap((state, sequence) => (wanted.includes(state) ? [sequence] : [])))
  const at = (...stages: Stage[]): Ids =>
    new Set(sightings.filter(({stage}) => stages.includes(stage)).map(({sequence}) => sequence))
  const twiceAt = (stage: Stage): Ids =>
    new Set(
      [...at(stage)].filter(id => sightings.filter(each => each.stage === stage && each.sequence === id).length > 1),
    )
  const kindsOf = (id: number, ...stages: Stage[]): Set<DecisionKind> =>
    new Set(
      sightings.flatMap(({stage, sequence, kind}) =>
        sequence === id && kind !== undefined && stages.includes(stage) ? [kind] : [],
      ),
    )

  const acked = inState('acked')
  const unknown = inState('unknown')
  const sent = union(acked, unknown)
  const ours = (ids: Ids): Ids => intersection(ids, sent)
  const raw = ours(at('raw'))
  const legit = ours(at('legit'))
  const fraud = ours(at('fraud'))
  const dlq = ours(at('dlq'))
  const rows = ours(at('rows'))
  const alerts = ours(at('alerts'))
  const decided = union(legit, fraud)
  const settled = union(decided, dlq)

  const phantoms = new Map<AnomalyStage, Ids>()
  let named: Ids = sent
  for (const stage of ['raw', 'legit', 'fraud', 'dlq', 'rows', 'alerts'] as const) {
    phantoms.set(stage, difference(at(stage), named))
    named = union(named, at(stage))
  }
  const isFlaggedKind = (kind: DecisionKind): boolean => kind !== 'approve'
  const rowDisagrees = (id: number): boolean => {
    const said = kindsOf(id, 'legit', 'fraud')
    return [...kindsOf(id, 'rows')].some(kind => {
      if (said.size > 0) return !said.has(kind)
      return !(isFlaggedKind(kind) ? fraud : legit).has(id)
    })
  }

  const found: readonly (readonly [AnomalyKind, AnomalyStage, Ids])[] = [
    ['lost', 'raw', difference(acked, raw)],
    ['arrived-unknown', 'raw', intersection(unknown, raw)],
    ['lost', 'decided', difference(raw, settled)],
    ['unexplained', 'decided', difference(settled, raw)],
    [
      'contradicted',
      'decided',
      union(
        union(intersection(legit, fraud), intersection(decided, dlq)),
        filter(decided, id => kindsOf(id, 'legit', 'fraud').size > 1),
      ),
    ],
    ['misrouted', 'legit', filter(difference(legit, fraud), id => [...kindsOf(id, 'legit')].some(isFlaggedKind))],
    ['misrouted', 'fraud', filter(difference(fraud, legit), id => kindsOf(id, 'fraud').has('approve'))],
    ['lost', 'rows', difference(decided, rows)],
    ['unexplained', 'rows', difference(rows, decided)],
    ['misrouted', 'rows', filter(intersection(rows, decided), rowDisagrees)],
    ['lost', 'alerts', difference(fraud, alerts)],
    ['unexplained', 'alerts', difference(alerts, fraud)],
    ...[...phantoms].map(([stage, ids]) => ['phantom', stage, ids] as const),
    ...(['raw', 'legit', 'fraud', 'dlq', 'rows', 'alerts'] as const).map(
      stage => ['duplicate', stage, twiceAt(stage)] as const,
    ),
  ]
  return new Map(
    found
      .filter(([, , ids]) => ids.size > 0)
      .map(([kind, stage, ids]) => [`${kind}@${stage}`, [...ids].sort((a, b) => a - b)]),
  )
}

function union(a: Ids, b: Ids): Ids {
  return new Set([...a, ...b])
}

function intersection(a: Ids, b: Ids): Ids {
  return filter(a, id => b.has(id))
}

function difference(a: Ids, b: Ids): Ids {
  return filter(a, id => !b.has(id))
}

function filter(ids: Ids, keep: (id: number) => boolean): Ids {
  return new Set([...ids].filter(keep))
}
