/** A run's load side to a service over HTTP: as to Kafka, with a manifest that names neither broker nor topics. */
import {type HttpSinkOptions, openHttpSink} from '../sink/http-sink.js'
import {type Produced, type RunOptions, sendRun} from './send-run.js'

export interface ProduceHttpOptions extends RunOptions {
  readonly http: Omit<HttpSinkOptions, 'clock'>
}

/**
 * @throws EnvironmentError disk; a service that is not there makes every payment fail, and is no error here
 * @throws UsageError the plan's population or accounts do not fit
 */
export function produceOverHttp(options: ProduceHttpOptions): Promise<Produced> {
  const {http, clock} = options
  return sendRun(options, async () => ({
    broker: null,
    topics: {},
    openSink: onOutcome => openHttpSink({...http, clock}, onOutcome),
  }))
}
