/**
 * The server of the rate and stall benches: bare node:http in a process of its own, answers 202 to everything, and
 * stamps every request with its own clock when the head has arrived, so that no load tool is judged by its own word.
 * Messages from the parent: `reset`, `report` (answers with the stamps in ms, oldest first).
 */
import {createServer} from 'node:http'

const CAPACITY = 2_000_000
const stamps = new Float64Array(CAPACITY)
let count = 0
const answer = Buffer.from('{"status":"accepted"}')
const headers = {'content-type': 'application/json', 'content-length': answer.length}

const server = createServer((request, response) => {
  if (count < CAPACITY) stamps[count++] = performance.timeOrigin + performance.now()
  if (count === 1) process.send('first')
  request.resume()
  request.on('end', () => response.writeHead(202, headers).end(answer))
})
server.keepAliveTimeout = 60_000
server.listen({port: 0, host: '127.0.0.1', backlog: 4096}, () => process.send({port: server.address().port}))

process.on('message', message => {
  if (message === 'reset') {
    count = 0
    process.send('reset')
  } else if (message === 'report') {
    process.send({stamps: Array.from(stamps.subarray(0, count))})
  }
})
process.on('disconnect', () => process.exit(0))
