/** Thread entry: makes every n-th block of a stream, one for each message, and moves it to the parent. */
import {parentPort, workerData} from 'node:worker_threads'
import {present} from '../base/assert.js'
import type {WorkerTask} from './parallel.js'
import {openStream} from './payment-stream.js'
import type {GeneratedBlock} from './stream.js'

const port = present(parentPort, 'parent thread')
const {inputs, count, blockSize, workers, worker}: WorkerTask = workerData
const stream = openStream(inputs)
let block = worker

port.on('message', () => {
  const start = block * blockSize
  // Asked for more than there is: the parent reads ahead.
  if (start >= count) return
  block += workers
  stream.skipTo(start)
  const made = stream.take(blockSize, Math.min(count, start + blockSize))
  port.postMessage(made, buffersOf(made))
})

function buffersOf({payments, labels}: GeneratedBlock): ArrayBuffer[] {
  return [...Object.values(payments), ...Object.values(labels)].flatMap(value =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  )
}
