import type { Module } from "../assembler/module.ts";
import { setAddress } from "./address.ts";
import type { Frame } from "./frame.ts";
import { addGatherRow } from "./transpose.ts";

/** How images `[channels, D, H, W]` come into frames. */
export interface FrameFilling {
  /** Where they go. */
  readonly frame: Frame;
  /** Channels of the image. */
  readonly channels: number;
  /** First channel in the frame that they take. */
  readonly channel: number;
  /** Sizes of the image. */
  readonly size: readonly [number, number, number];
  /** Whether the rest of the frame becomes zero; otherwise it is left alone. */
  readonly clear: boolean;
}

/**
 * Adds a function `(image, frame, from, to)` that fills rows `from` to `to` of a frame; rows are counted over depth and height.
 * @returns the function's number
 */
export function addFillFrame(module: Module, name: string, filling: FrameFilling): number {
  const { frame, channels, size, channel } = filling;
  const [, height, width] = size;
  const [insideD, insideH, insideW] = frame.inside;
  const [beforeD, beforeH, beforeW] = frame.before;
  const row = addGatherRow(module, `${name}.row`, {
    channels,
    width: insideW,
    plane: size[0] * height * width * 4,
    pixel: frame.pixel,
  });
  return module.add(name, 4, (code) => {
    const [image, target] = [code.parameter(0), code.parameter(1)];
    const [at, end] = [code.parameter(2), code.parameter(3)];
    const [d, h, source, to] = code.localList("i32", 4);
    code.while(
      () => code.get(at).get(end).op("i32.lt_u"),
      () => {
        setAddress(code, to, target, [[at, frame.row]]);
        if (filling.clear) code.clear(to, frame.row);
        code.get(at).number(frame.extent[1]).op("i32.div_u").number(beforeD).op("i32.sub").set(d);
        code.get(at).number(frame.extent[1]).op("i32.rem_u").number(beforeH).op("i32.sub").set(h);
        // Negative ones are large when taken without sign.
        code.get(d).number(insideD).op("i32.lt_u").get(h).number(insideH).op("i32.lt_u").op("i32.and");
        code.if(() => {
          setAddress(code, source, image, [
            [d, height * width * 4],
            [h, width * 4],
          ]);
          code.advance(to, beforeW * frame.pixel + channel * 4);
          code.get(source).get(to).call(row);
        });
        code.advance(at, 1);
      },
    );
  });
}
