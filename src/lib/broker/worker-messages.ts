import type {Fault} from './fault.js'

export type ToWorker =
  | {readonly kind: 'faults'; readonly id: number; readonly faults: readonly Fault[]}
  | {readonly kind: 'stop'; readonly id: number}

export type FromWorker =
  | {readonly kind: 'started'; readonly address: string; readonly clusterId: string}
  | {readonly kind: 'done'; readonly id: number}
  | {readonly kind: 'log'; readonly line: string}
  | {
      readonly kind: 'failed'
      readonly message: string
      readonly code: string
      readonly suggestions: readonly string[]
    }
