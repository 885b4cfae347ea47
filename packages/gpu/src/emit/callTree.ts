import type { HelperFunction, KernelSource } from "./source.ts";

/**
 * The same kernel with a copy of each helper for each function that calls it. GLSL wants functions defined before they are called, and
 * gpu.js gets that order wrong for a function that is called from two places, one of which was found later.
 */
export function callTree(source: KernelSource): KernelSource {
  const byName = new Map(source.helpers.map((helper) => [helper.name, helper]));
  const helpers: HelperFunction[] = [];
  let copies = 0;
  /** The text with calls to copies of its own. */
  const rename = (text: string, self: string): string => {
    const names = new Map<string, string>();
    return text.replace(/\b(\w+)\(/g, (call: string, name: string) => {
      const helper = byName.get(name);
      if (helper === undefined || name === self) return call;
      const known = names.get(name);
      if (known !== undefined) return `${known}(`;
      const copy = `${name}${copies++}x`;
      names.set(name, copy);
      const body = helper.source.slice(helper.source.indexOf("("));
      helpers.push({ ...helper, name: copy, source: `function ${copy}${rename(body, name)}` });
      return `${copy}(`;
    });
  };
  const body = rename(source.body, "");
  return { ...source, body, helpers };
}
