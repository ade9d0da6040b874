/** Numbers that look like chance and are the same for the same seed: sfc32, which passes the usual batteries of tests. */

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `parts`: whatever makes this sequence another than the next: seed, thread, column. */
  constructor(...parts: readonly number[]) {
    this.#a = 0x9e3779b9;
    this.#b = 0x243f6a88;
    this.#c = 0xb7e15162;
    for (const part of parts) {
      this.#a = mix32(this.#a ^ (part | 0));
      this.#b = mix32(this.#b ^ Math.floor(part / 2 ** 32) ^ this.#a);
      this.#c = mix32(this.#c ^ this.#b);
    }
    for (let i = 0; i < 12; i++) this.next32();
  }

  /** A whole number of 32 bits, with its sign. */
  next32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum;
  }

  /** 0 to below `bound`, at most 2^31. */
  below(bound: number): number {
    return Math.floor((this.next32() >>> 0) * (bound / 2 ** 32));
  }

  /** 0 to below 1, in steps of 2^-32. */
  fraction(): number {
    return (this.next32() >>> 0) / 2 ** 32;
  }
}

/** A permutation of all numbers of 32 bits in which every bit depends on every other. */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}
