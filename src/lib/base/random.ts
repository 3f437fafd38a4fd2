/**
 * Seeded pseudo-random numbers: sfc32 (Chris Doty-Humphrey, PractRand), seeded through SplitMix32.
 * Integer arithmetic only, so the sequence is the same on every machine and Node version.
 * Not for secrets.
 */
export class Random {
  #a = 0
  #b = 0
  #c = 0
  #counter = 1

  constructor(seed: number, stream = 0) {
    this.reseed(seed, stream)
  }

  /** Restarts the sequence for (seed, stream) without allocating: one generator object serves a hot loop. */
  reseed(seed: number, stream = 0): this {
    // Seeds are safe integers; both halves count, so 1 and 2^32 + 1 differ.
    let state = mix32((seed >>> 0) ^ Math.imul(Math.floor(seed / 4_294_967_296) | 0, 0x9e3779b1) ^ mix32(stream | 0))
    state = (state + 0x9e3779b9) | 0
    this.#a = mix32(state)
    state = (state + 0x9e3779b9) | 0
    this.#b = mix32(state ^ Math.imul(stream | 0, 0x85ebca6b))
    state = (state + 0x9e3779b9) | 0
    this.#c = mix32(state)
    this.#counter = 1
    for (let round = 0; round < 12; round++) this.uint32()
    return this
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Uniform in [0, 1) with 32 bits. */
  unit(): number {
    return this.uint32() / 4_294_967_296
  }

  /** Uniform integer in [0, bound), bound ≤ 2^32. The bias is below bound / 2^32. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 4_294_967_296) * bound)
  }
}

/** A 32-bit finaliser (murmur3's fmix32): avalanche for hashes and seeds. */
export function mix32(value: number): number {
  let h = value | 0
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  h ^= h >>> 16
  return h | 0
}

/** A seed for one component, a safe integer: components of one run draw independently of each other. */
export function deriveSeed(seed: number, component: number): number {
  const draw = new Random(seed, component)
  return draw.uint32() * 2_097_152 + (draw.uint32() >>> 11)
}
