import { Bytes } from "./bytes.ts";

/** Types of WebAssembly values that kernels use. */
export type ValueType = "i32" | "v128";

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, v128: 0x7b };

/** A parameter or local variable of a function. */
export interface Local {
  /** Its number in the function. */
  readonly index: number;
  /** Its type. */
  readonly type: ValueType;
}

/** The body of a function, instruction by instruction: WebAssembly's stack machine, with names. Knows nothing of tensors. */
export class Code {
  /** Parameters, in their order. */
  readonly parameters: readonly Local[];
  private readonly locals: Local[] = [];
  private readonly body = new Bytes();

  /** @param parameters - how many, all i32 */
  constructor(parameters: number) {
    this.parameters = Array.from({ length: parameters }, (_, index): Local => ({ index, type: "i32" }));
  }

  /** Parameter `index`. @throws RangeError if there is none */
  parameter(index: number): Local {
    const found = this.parameters[index];
    if (found === undefined) throw new RangeError(`there is no parameter ${index}`);
    return found;
  }

  /** A new local variable. */
  local(type: ValueType): Local {
    const local = { index: this.parameters.length + this.locals.length, type };
    this.locals.push(local);
    return local;
  }

  /** Pushes a variable. */
  get({ index }: Local): this {
    return this.op(0x20, index);
  }

  /** Pops into a variable. */
  set({ index }: Local): this {
    return this.op(0x21, index);
  }

  /** Pushes a whole number. */
  number(value: number): this {
    this.body.push(0x41).signed(value);
    return this;
  }

  /** Adds a constant to an i32 variable. */
  advance(local: Local, by: number): this {
    this.get(local).number(by);
    this.body.push(0x6a);
    return this.set(local);
  }

  /** Repeats `body` while `counter`, lowered by one after each round, is not 0: at least once. */
  countDown(counter: Local, body: () => void): this {
    this.body.push(0x03, 0x40);
    body();
    this.advance(counter, -1).get(counter);
    this.body.push(0x0d, 0x00, 0x0b);
    return this;
  }

  /** Pushes a vector of four zeros. */
  zeros(): this {
    this.body.push(0xfd, 0x0c, ...new Array<number>(16).fill(0));
    return this;
  }

  /** Pushes the four floats at an address plus `offset` bytes. */
  load(address: Local, offset: number): this {
    return this.get(address).memory(0x00, 4, offset);
  }

  /** Pushes the float at an address plus `offset` bytes, four times. */
  loadSplat(address: Local, offset: number): this {
    return this.get(address).memory(0x09, 2, offset);
  }

  /** Stores a vector variable at an address plus `offset` bytes. */
  store(address: Local, offset: number, value: Local): this {
    return this.get(address).get(value).memory(0x0b, 4, offset);
  }

  /** `sum += a · b` over vectors of four floats; in one rounding if `fused`. */
  multiplyAdd(sum: Local, a: Local, b: Local, fused: boolean): this {
    if (fused) {
      this.get(a).get(b).get(sum);
      this.body.push(0xfd).unsigned(0x105);
    } else {
      this.get(sum).get(a).get(b);
      this.body.push(0xfd).unsigned(0xe6).push(0xfd).unsigned(0xe4);
    }
    return this.set(sum);
  }

  private op(code: number, operand: number): this {
    this.body.push(code).unsigned(operand);
    return this;
  }

  /** The address is on the stack. Alignment is only a hint, so the natural one is claimed. */
  private memory(code: number, alignment: number, offset: number): this {
    this.body.push(0xfd).unsigned(code).unsigned(alignment).unsigned(offset);
    return this;
  }

  /** The function as it stands in a module: its locals, its instructions, the end. */
  toBytes(): Bytes {
    const whole = new Bytes().unsigned(this.locals.length);
    for (const { type } of this.locals) whole.push(1, typeCodes[type]);
    return whole.append(this.body).push(0x0b);
  }
}
