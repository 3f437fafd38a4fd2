/** The process that started this one over a channel (`fork`), if one did: it is told things, and its end is noticed. */

/** Aborts when the channel closes, because the parent closed it or died; never without one. */
export function parentGone(): AbortSignal {
  const gone = new AbortController()
  if (process.send === undefined) return gone.signal
  const leave = (): void => gone.abort()
  if (process.connected) process.once('disconnect', leave)
  else leave()
  // Listening alone must not keep a process alive that is done.
  process.channel?.unref()
  return gone.signal
}

/** A parent that is just going away needs to hear nothing more. */
export function tellParent(message: object): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}

/** After everything is closed: a process whose parent is gone has nothing to linger for, whatever is still open. */
export function leaveWithParent(exitCode: number): void {
  if (process.send !== undefined && !process.connected) process.exit(exitCode)
}
