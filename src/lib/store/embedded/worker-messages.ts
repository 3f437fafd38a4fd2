/** What the database's worker thread and its parent tell each other; plain data. */

export type Task =
  /** Make a fresh data directory and end. Needs four times the memory of serving, which goes with the thread. */
  | {readonly kind: 'initialise'; readonly directory: string}
  | {readonly kind: 'serve'; readonly directory: string; readonly port: number}

export type FromWorker =
  | {readonly kind: 'done'}
  | {readonly kind: 'started'; readonly port: number}
  | {readonly kind: 'log'; readonly line: string}
  | {readonly kind: 'failed'; readonly message: string; readonly code?: string; readonly suggestions?: string[]}

export type ToWorker = 'stop'
