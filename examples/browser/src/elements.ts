// Finding and making the page's elements, with their types checked once, at the start.

/** The element of the page with an id. @throws Error if there is none or it is another kind */
export function byId<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} with the id ${id}`);
}

/** A new element with attributes, holding text or other elements. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...content: readonly (string | Node)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

/** Shows a message in a place kept for it, or hides the place. */
export function tell(place: HTMLElement, message: string | undefined): void {
  place.textContent = message ?? "";
  place.hidden = message === undefined;
}
