import { Bytes } from "./bytes.ts";
import { Code } from "./code.ts";

/** Most pages that a shared memory may have: all that 32-bit addresses reach. */
export const maximumPages: number = 65536;

/**
 * A module over the imported memory `env.memory`. Functions take i32s and return nothing; they call each other by number.
 * @example
 * const module = new Module();
 * const clear = module.add("clear", 2, (code) => { … });
 */
export class Module {
  private readonly functions: { readonly name: string; readonly code: Code }[] = [];

  /**
   * Adds a function that is exported under its name.
   * @returns its number, for `Code.call`
   */
  add(name: string, parameters: number, write: (code: Code) => void): number {
    const code = new Code(parameters);
    write(code);
    return this.functions.push({ name, code }) - 1;
  }

  /** Names of the functions, by number. */
  get names(): string[] {
    return this.functions.map(({ name }) => name);
  }

  /**
   * The binary form.
   * @param shared - whether the memory that is imported is shared between threads
   */
  toBytes(shared: boolean): Uint8Array<ArrayBuffer> {
    const section = (id: number, content: Bytes): Bytes => new Bytes().push(id).sized(content);
    const list = (write: (bytes: Bytes, index: number) => void): Bytes => {
      const bytes = new Bytes().unsigned(this.functions.length);
      for (const index of this.functions.keys()) write(bytes, index);
      return bytes;
    };
    const codes = this.functions.map(({ code }) => code);
    // One type a function: no harm, and no table of types to keep.
    const types = list((bytes, index) => {
      const { parameters } = codes[index];
      bytes.push(0x60).unsigned(parameters.length);
      for (const _ of parameters) bytes.push(0x7f);
      bytes.push(0);
    });
    // Globals that may change, though none does: the engine must load them once, where it would rebuild known constants at each use.
    const globals = [...new Set(codes.flatMap((code) => [...code.constantsUsed]))];
    const globalSection = new Bytes().unsigned(globals.length);
    for (const bits of globals) {
      const lanes = new Uint8Array(Int32Array.of(bits, bits, bits, bits).buffer);
      globalSection.push(0x7b, 0x01, 0xfd, 0x0c, ...lanes, 0x0b);
    }
    const globalOf = (bits: number): number => globals.indexOf(bits);
    const imports = new Bytes().push(1).name("env").name("memory").push(0x02);
    // A shared memory must name its maximum; either has at least one page.
    if (shared) imports.push(0x03, 0x01).unsigned(maximumPages);
    else imports.push(0x00, 0x01);
    return new Bytes()
      .push(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
      .append(section(1, types))
      .append(section(2, imports))
      .append(
        section(
          3,
          list((bytes, index) => bytes.unsigned(index)),
        ),
      )
      .append(section(6, globalSection))
      .append(
        section(
          7,
          list((bytes, index) => bytes.name(this.functions[index].name).push(0x00).unsigned(index)),
        ),
      )
      .append(
        section(
          10,
          list((bytes, index) => bytes.sized(codes[index].toBytes(globalOf))),
        ),
      )
      .toArray();
  }
}
