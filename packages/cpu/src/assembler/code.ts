import { Bytes } from "./bytes.ts";
import { type Instruction, opcodes } from "./opcodes.ts";

/** Types of WebAssembly values that kernels use. */
export type ValueType = "i32" | "f32" | "f64" | "v128";

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A parameter or local variable of a function. */
export interface Local {
  /** Its number in the function. */
  readonly index: number;
  /** Its type. */
  readonly type: ValueType;
}

/** The sixteen bytes that {@link Code.shuffle} takes, as four lanes of two vectors: 0 to 3 from the first, 4 to 7 from the second. */
export type Lanes = readonly [number, number, number, number];

/** The body of a function, instruction by instruction: WebAssembly's stack machine, with names. Knows nothing of tensors. */
export class Code {
  /** Parameters, in their order. */
  readonly parameters: readonly Local[];
  private readonly locals: Local[] = [];
  private readonly constants = new Map<number, Local>();
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

  /** New local variables. */
  localList(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  /**
   * A variable that holds four equal floats from the start of the function; the same one for the same number. Do not set it. In a loop it
   * is cheaper than {@link floats}, which newer V8 rebuilds at each use.
   */
  constant(value: number): Local {
    return this.constantBits(new Int32Array(Float32Array.of(value).buffer)[0]);
  }

  /** As {@link constant}, of four equal 32-bit whole numbers. */
  constantBits(value: number): Local {
    const found = this.constants.get(value | 0);
    if (found !== undefined) return found;
    const local = this.local("v128");
    this.constants.set(value | 0, local);
    return local;
  }

  /** The numbers that {@link constant} and {@link constantBits} were asked for, as bits. */
  get constantsUsed(): Iterable<number> {
    return this.constants.keys();
  }

  /** Pushes a variable. */
  get({ index }: Local): this {
    this.body.push(0x20).unsigned(index);
    return this;
  }

  /** Pops into a variable. */
  set({ index }: Local): this {
    this.body.push(0x21).unsigned(index);
    return this;
  }

  /** Stores the top of the stack in a variable and leaves it there. */
  tee({ index }: Local): this {
    this.body.push(0x22).unsigned(index);
    return this;
  }

  /** Pushes a whole number. */
  number(value: number): this {
    this.body.push(0x41).signed(value);
    return this;
  }

  /** Pushes a float. */
  float(value: number): this {
    this.body.push(0x43, ...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  /** An instruction without immediates: pops its operands, pushes its result. */
  op(name: Instruction): this {
    const [prefix, code] = opcodes[name];
    if (prefix !== 0) this.body.push(prefix);
    this.body.unsigned(code);
    return this;
  }

  /** Adds a constant to an i32 variable. */
  advance(local: Local, by: number): this {
    return this.get(local).number(by).op("i32.add").set(local);
  }

  /** Adds one i32 variable to another. */
  increase(local: Local, by: Local): this {
    return this.get(local).get(by).op("i32.add").set(local);
  }

  /** Repeats `body` while `counter`, lowered by one after each round, is not 0: at least once. */
  countDown(counter: Local, body: () => void): this {
    this.body.push(0x03, 0x40);
    body();
    this.advance(counter, -1).get(counter);
    this.body.push(0x0d, 0x00, 0x0b);
    return this;
  }

  /** Runs `body` `times` times, with a counter of its own; once or never without any loop. */
  repeat(times: number, body: () => void): this {
    if (times <= 0) return this;
    if (times === 1) {
      body();
      return this;
    }
    const counter = this.local("i32");
    return this.number(times).set(counter).countDown(counter, body);
  }

  /** Pops an i32 and runs `then` if it is not 0, else `otherwise`. */
  if(then: () => void, otherwise?: () => void): this {
    this.body.push(0x04, 0x40);
    then();
    if (otherwise !== undefined) {
      this.body.push(0x05);
      otherwise();
    }
    this.body.push(0x0b);
    return this;
  }

  /** Repeats `body` for as long as `condition` pushes an i32 that is not 0: perhaps never. */
  while(condition: () => void, body: () => void): this {
    this.body.push(0x02, 0x40, 0x03, 0x40);
    condition();
    this.op("i32.eqz");
    this.body.push(0x0d, 0x01);
    body();
    this.body.push(0x0c, 0x00, 0x0b, 0x0b);
    return this;
  }

  /** Calls function number `index` of the module; its arguments are on the stack. */
  call(index: number): this {
    this.body.push(0x10).unsigned(index);
    return this;
  }

  /** Fills `bytes` from an address on with zeros. */
  clear(address: Local, bytes: number): this {
    this.get(address).number(0).number(bytes);
    this.body.push(0xfc, 0x0b, 0x00);
    return this;
  }

  /** Copies as many bytes as a variable says from an address on to another. */
  copy(to: Local, from: Local, bytes: Local): this {
    this.get(to).get(from).get(bytes);
    this.body.push(0xfc, 0x0a, 0x00, 0x00);
    return this;
  }

  /** Pushes a vector of four zeros. */
  zeros(): this {
    this.body.push(0xfd, 0x0c, ...new Array<number>(16).fill(0));
    return this;
  }

  /** Pushes a vector of four equal floats. */
  floats(value: number): this {
    const bytes = new Uint8Array(Float32Array.of(value, value, value, value).buffer);
    this.body.push(0xfd, 0x0c, ...bytes);
    return this;
  }

  /** Pushes a vector of four equal 32-bit whole numbers. */
  numbers(value: number): this {
    const bytes = new Uint8Array(Int32Array.of(value, value, value, value).buffer);
    this.body.push(0xfd, 0x0c, ...bytes);
    return this;
  }

  /** Pops two vectors, pushes four lanes of them: 0 to 3 of the first, 4 to 7 of the second. */
  shuffle(lanes: Lanes): this {
    this.body.push(0xfd).unsigned(0x0d);
    for (const lane of lanes) this.body.push(4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3);
    return this;
  }

  /** Pops a vector, pushes one lane of it as a float. */
  extract(lane: number): this {
    this.body.push(0xfd).unsigned(0x1f).push(lane);
    return this;
  }

  /** Pops a vector of two doubles, pushes one of them. */
  extractDouble(lane: number): this {
    this.body.push(0xfd).unsigned(0x21).push(lane);
    return this;
  }

  /** Pushes the four floats at an address plus `offset` bytes. */
  load(address: Local, offset: number): this {
    return this.get(address).vectorMemory(0x00, 4, offset);
  }

  /** Pushes the float at an address plus `offset` bytes, four times. */
  loadSplat(address: Local, offset: number): this {
    return this.get(address).vectorMemory(0x09, 2, offset);
  }

  /** Pushes the whole number at an address plus `offset` bytes. */
  loadNumber(address: Local, offset: number): this {
    return this.get(address).memory(0x28, offset);
  }

  /** Pushes the float at an address plus `offset` bytes. */
  loadFloat(address: Local, offset: number): this {
    return this.get(address).memory(0x2a, offset);
  }

  /** Stores a vector variable at an address plus `offset` bytes. */
  store(address: Local, offset: number, value: Local): this {
    return this.get(address).get(value).vectorMemory(0x0b, 4, offset);
  }

  /** Stores one lane of a vector variable at an address plus `offset` bytes. */
  storeLane(address: Local, offset: number, value: Local, lane: number): this {
    this.get(address).get(value).vectorMemory(0x5a, 2, offset);
    this.body.push(lane);
    return this;
  }

  /** Stores a float variable at an address plus `offset` bytes. */
  storeFloat(address: Local, offset: number, value: Local): this {
    return this.get(address).get(value).memory(0x38, offset);
  }

  /** Stores a double variable at an address plus `offset` bytes. */
  storeDouble(address: Local, offset: number, value: Local): this {
    this.get(address).get(value).body.push(0x39).unsigned(3).unsigned(offset);
    return this;
  }

  /** `sum += a · b` over vectors of four floats; in one rounding if `fused`. */
  multiplyAdd(sum: Local, a: Local, b: Local, fused: boolean): this {
    if (fused) this.get(a).get(b).get(sum).op("f32x4.relaxed_madd");
    else this.get(sum).get(a).get(b).op("f32x4.mul").op("f32x4.add");
    return this.set(sum);
  }

  /** The address is on the stack. Alignment is only a hint, so the natural one is claimed. */
  private vectorMemory(code: number, alignment: number, offset: number): this {
    this.body.push(0xfd).unsigned(code).unsigned(alignment).unsigned(offset);
    return this;
  }

  private memory(code: number, offset: number): this {
    this.body.push(code).unsigned(2).unsigned(offset);
    return this;
  }

  /**
   * The function as it stands in a module: its locals, its constants, its instructions, the end.
   * @param globalOf - the global that holds a constant
   */
  toBytes(globalOf: (bits: number) => number): Bytes {
    const whole = new Bytes().unsigned(this.locals.length);
    for (const { type } of this.locals) whole.push(1, typeCodes[type]);
    for (const [bits, { index }] of this.constants)
      whole.push(0x23).unsigned(globalOf(bits)).push(0x21).unsigned(index);
    return whole.append(this.body).push(0x0b);
  }
}
