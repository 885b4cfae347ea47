/** What JSON holds, and nothing that it would change: numbers are finite and not -0, objects plain, nothing is `undefined`. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A plain object of {@link JsonValue}s. */
export interface JsonObject {
  /** A member by its name. */
  readonly [key: string]: JsonValue;
}
