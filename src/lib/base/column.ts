/**
 * Growing columns of numbers by sequence number: what a run remembers of each payment without an object per payment.
 * Reading past the end gives 0, as an unwritten entry does.
 */

const FIRST_CAPACITY = 16_384

abstract class Column<T extends Uint8Array | Uint16Array | Float64Array> {
  protected values: T
  #length = 0

  constructor(capacity: number) {
    this.values = this.allocate(Math.max(1, Math.min(capacity, 1 << 28)))
  }

  protected abstract allocate(capacity: number): T

  /** One past the highest index written. */
  get length(): number {
    return this.#length
  }

  get(index: number): number {
    return index < this.#length ? this.values[index] : 0
  }

  set(index: number, value: number): void {
    if (index >= this.values.length) this.#grow(index + 1)
    this.values[index] = value
    if (index >= this.#length) this.#length = index + 1
  }

  #grow(needed: number): void {
    let capacity = this.values.length
    while (capacity < needed) capacity *= 2
    const grown = this.allocate(capacity)
    grown.set(this.values)
    this.values = grown
  }
}

export class Uint8Column extends Column<Uint8Array> {
  constructor(capacity = FIRST_CAPACITY) {
    super(capacity)
  }

  protected override allocate(capacity: number): Uint8Array {
    return new Uint8Array(capacity)
  }
}

export class Uint16Column extends Column<Uint16Array> {
  constructor(capacity = FIRST_CAPACITY) {
    super(capacity)
  }

  protected override allocate(capacity: number): Uint16Array {
    return new Uint16Array(capacity)
  }
}

export class Float64Column extends Column<Float64Array> {
  constructor(capacity = FIRST_CAPACITY) {
    super(capacity)
  }

  protected override allocate(capacity: number): Float64Array {
    return new Float64Array(capacity)
  }
}
