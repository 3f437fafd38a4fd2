/**
 * Ends the connections on which nothing is asked when a server closes. Node ends those that are idle at that moment;
 * one that becomes idle a moment later, or on which nothing was ever sent, would hold the end up until its keep-alive
 * or its request's time is over.
 */
import {type Server, ServerResponse} from 'node:http'
import type {Socket} from 'node:net'

/** @returns ends every connection that has no request under way */
export function quietConnectionsOf(server: Server): () => void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return () => {
    for (const socket of sockets) {
      // Whoever is just being refused reads the reason first, for a bounded time.
      const isEnding = socket.writableEnded
      if (!isEnding && !isAnswering(socket)) socket.destroy()
    }
  }
}

/** From the request's headers to the last byte of its answer. */
function isAnswering(socket: Socket): boolean {
  return Reflect.get(socket, '_httpMessage') instanceof ServerResponse
}
