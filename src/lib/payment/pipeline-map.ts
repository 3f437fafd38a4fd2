/**
 * How p2pay meets somebody else's pipeline: what a payment looks like there, and how it is handed over. Read from a
 * YAML file (scenario/pipeline-file.ts); `--pipeline FILE` of every command that sends.
 */
import type {Template} from './template.js'

export const PIPELINE_VERSION = 1

export interface PipelineMap {
  readonly name: string
  /** SHA-256 of the file's text, hex: variables from the environment are not in it, and so no secrets. */
  readonly sha256: string
  /** Null: wire format v1. */
  readonly payload: PipelinePayload | null
  /** Null: nothing is said of HTTP. */
  readonly http: PipelineHttp | null
}

export interface PipelinePayload {
  readonly template: Template
  /** Of the structure, or what the headers say of a text. */
  readonly contentType: string
}

export interface PipelineHttp {
  /** Null: as the flags say, POST without any. */
  readonly method: string | null
  /** Where a URL without a path of its own goes; with query, with placeholders. */
  readonly path: string | null
  /** Values are templates. */
  readonly headers: readonly PipelineHeader[]
  /** Statuses that are success, as `--success` takes them. */
  readonly success: string | null
  /** Where in an answer the service's own id of the payment is, as `--response-id` takes it. */
  readonly id: string | null
}

export interface PipelineHeader {
  readonly name: string
  readonly value: Template
}
