import { Bytes } from "./bytes.ts";
import type { Code } from "./code.ts";

/**
 * A module with one exported function, `run`, that takes i32s, returns nothing and works on the imported memory `env.memory`.
 * @returns the binary form
 */
export function assemble(code: Code): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: Bytes): Bytes => new Bytes().push(id).sized(content);
  const types = new Bytes().push(1, 0x60).unsigned(code.parameters.length);
  for (const _ of code.parameters) types.push(0x7f);
  types.push(0);
  // Kind 2 is a memory; limits without a maximum, at least one page.
  const imports = new Bytes().push(1).name("env").name("memory").push(0x02, 0x00, 0x01);
  const exports = new Bytes().push(1).name("run").push(0x00, 0x00);
  return new Bytes()
    .push(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
    .append(section(1, types))
    .append(section(2, imports))
    .append(section(3, new Bytes().push(1, 0)))
    .append(section(7, exports))
    .append(section(10, new Bytes().push(1).sized(code.toBytes())))
    .toArray();
}
