import type { Code, Local } from "../assembler/code.ts";

/** Sets `target` to `base` plus each variable times its number of bytes, plus `offset`. */
export function setAddress(
  code: Code,
  target: Local,
  base: Local,
  terms: readonly (readonly [variable: Local, bytes: number])[],
  offset = 0,
): void {
  code.get(base);
  for (const [variable, bytes] of terms) code.get(variable).number(bytes).op("i32.mul").op("i32.add");
  if (offset !== 0) code.number(offset).op("i32.add");
  code.set(target);
}

/** Takes the numbers of a nested index apart: `index = (… · counts[0] + result[0]) · counts[1] + result[1] …`, innermost count last. */
export function splitIndex(code: Code, index: Local, counts: readonly number[]): Local[] {
  const rest = code.local("i32");
  code.get(index).set(rest);
  const parts: Local[] = [];
  for (const count of [...counts].reverse()) {
    const part = code.local("i32");
    code.get(rest).number(count).op("i32.rem_u").set(part);
    code.get(rest).number(count).op("i32.div_u").set(rest);
    parts.unshift(part);
  }
  return parts;
}
