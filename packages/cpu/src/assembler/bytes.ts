/** A growing run of bytes, with the number formats of WebAssembly. Knows nothing of instructions. */
export class Bytes {
  private data = new Uint8Array(256);
  private used = 0;

  /** Number of bytes so far. */
  get length(): number {
    return this.used;
  }

  /** Appends bytes as they are. */
  push(...bytes: readonly number[]): this {
    this.reserve(bytes.length);
    for (const byte of bytes) this.data[this.used++] = byte;
    return this;
  }

  /** Appends another run. */
  append(other: Bytes): this {
    this.reserve(other.used);
    this.data.set(other.data.subarray(0, other.used), this.used);
    this.used += other.used;
    return this;
  }

  /** Appends a whole number >= 0 as unsigned LEB128. */
  unsigned(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.push(rest);
  }

  /** Appends a 32-bit whole number as signed LEB128. */
  signed(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      // The sign is bit 6 of the last byte.
      const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.push(done ? low : low | 0x80);
      if (done) return this;
    }
  }

  /** Appends a name: its length, then its ASCII characters. */
  name(text: string): this {
    return this.unsigned(text.length).push(...Array.from(text, (character) => character.charCodeAt(0)));
  }

  /** Appends the length of another run, then the run. */
  sized(other: Bytes): this {
    return this.unsigned(other.length).append(other);
  }

  /** A copy of what there is. */
  toArray(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.used);
  }

  private reserve(more: number): void {
    if (this.used + more <= this.data.length) return;
    const larger = new Uint8Array(Math.max(2 * this.data.length, this.used + more));
    larger.set(this.data.subarray(0, this.used));
    this.data = larger;
  }
}
