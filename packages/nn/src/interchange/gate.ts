/** A gate of a ConvLSTM: input `i`, forget `f`, output `o`, or the candidate `g`, which others call `c` or `j`. */
export type Gate = "i" | "f" | "o" | "g";

/** An order of the four gates, as `"ifog"`: in which order a tensor with `4H` rows holds them, `H` rows each. */
export type GateOrder =
  | "ifog"
  | "ifgo"
  | "iofg"
  | "iogf"
  | "igfo"
  | "igof"
  | "fiog"
  | "figo"
  | "foig"
  | "fogi"
  | "fgio"
  | "fgoi"
  | "oifg"
  | "oigf"
  | "ofig"
  | "ofgi"
  | "ogif"
  | "ogfi"
  | "gifo"
  | "giof"
  | "gfio"
  | "gfoi"
  | "goif"
  | "gofi";

/** Our order of all gates. */
export const allGates: readonly Gate[] = ["i", "f", "o", "g"];

/** Our order of the gates that peepholes reach. */
export const peepholeGates: readonly Gate[] = ["i", "f", "o"];
