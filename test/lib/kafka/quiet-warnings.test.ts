import {expect, it} from 'vitest'
import {quietKafkaWarnings} from '../../../src/lib/kafka/quiet-warnings.js'

it('keeps the warning about negative timers away, in every way to emit it, and no other', () => {
  const seen: unknown[] = []
  const emitter = {emitWarning: (...parts: unknown[]) => void seen.push(parts[0])}
  quietKafkaWarnings(emitter)
  const emit: (...parts: unknown[]) => void = emitter.emitWarning
  emit('-5 is a negative number.', 'TimeoutNegativeWarning')
  emit('-5 is a negative number.', {type: 'TimeoutNegativeWarning'})
  emit(Object.assign(new Error('-5'), {name: 'TimeoutNegativeWarning'}))
  emit('something else', 'DeprecationWarning')
  emit('plain')
  expect(seen).toEqual(['something else', 'plain'])
})
