/** The index of the quote that closes the string opened at `start`. */
function closingQuote(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at;
}

/**
 * A key that some object of a JSON text holds twice, if there is one. `JSON.parse` would silently keep the last.
 * @param json - text that `JSON.parse` accepts
 */
export function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") open.push(new Set());
    else if (character === "}") open.pop();
    else if (character === '"') {
      const end = closingQuote(json, at);
      let next = end + 1;
      while (/\s/.test(json[next] ?? "")) next++;
      // In valid JSON a string before a colon is a key.
      if (json[next] === ":") {
        const key = String(JSON.parse(json.slice(at, end + 1)));
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = end;
    }
  }
  return undefined;
}
