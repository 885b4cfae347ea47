import type { Module } from "../assembler/module.ts";
import { setAddress, splitIndex } from "./address.ts";
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
  const covers = channels === frame.channels && insideW > 0;
  return module.add(name, 4, (code) => {
    const [image, target] = [code.parameter(0), code.parameter(1)];
    const [at, end] = [code.parameter(2), code.parameter(3)];
    const [d, h, source, to, inside] = code.localList("i32", 5);
    code.while(
      () => code.get(at).get(end).op("i32.lt_u"),
      () => {
        setAddress(code, to, target, [[at, frame.row]]);
        code.get(at).number(frame.extent[1]).op("i32.div_u").number(beforeD).op("i32.sub").set(d);
        code.get(at).number(frame.extent[1]).op("i32.rem_u").number(beforeH).op("i32.sub").set(h);
        // Negative ones are large when taken without sign.
        code.get(d).number(insideD).op("i32.lt_u").get(h).number(insideH).op("i32.lt_u").op("i32.and").set(inside);
        if (filling.clear && !covers) code.clear(to, frame.row);
        if (filling.clear && covers) {
          // What the image covers is written anyway.
          const after = (beforeW + insideW) * frame.pixel;
          code.get(inside);
          code.if(
            () => {
              if (beforeW > 0) code.clear(to, beforeW * frame.pixel);
              if (after === frame.row) return;
              setAddress(code, source, to, [], after);
              code.clear(source, frame.row - after);
            },
            () => code.clear(to, frame.row),
          );
        }
        code.get(inside);
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

/** Tasks that fill one frame. */
export const fillParts = 4;

/** What {@link addFillTask} fills a frame with: images `[channels, D, H, W]`, one after the other from the address in a parameter word on. */
export interface FrameSource {
  /** How they come in. */
  readonly filling: FrameFilling;
  /** The parameter word. */
  readonly word: number;
}

/**
 * Adds a task function that fills a part of a frame from its sources, in their order: index (image, part). Parameter word `frames` is the
 * address of the frames.
 */
export function addFillTask(module: Module, name: string, frames: number, sources: readonly FrameSource[]): void {
  const { frame } = sources[0].filling;
  const fills = sources.map(({ filling }, k) => addFillFrame(module, `${name}.rows${k}`, filling));
  const rows = frame.extent[0] * frame.extent[1];
  const part = Math.ceil(rows / fillParts);
  module.add(name, 3, (code) => {
    const [parameters, index] = code.parameters;
    const [image, to, from, end] = code.localList("i32", 4);
    const [n, p] = splitIndex(code, index, [0x7fffffff, fillParts]);
    code.loadNumber(parameters, 4 * frames).set(to);
    setAddress(code, to, to, [[n, frame.bytes]]);
    code.get(p).number(part).op("i32.mul").set(from);
    code.get(from).number(part).op("i32.add").set(end);
    code.get(end).number(rows).op("i32.gt_s");
    code.if(() => code.number(rows).set(end));
    for (const [k, { filling, word }] of sources.entries()) {
      const { channels, size } = filling;
      code.loadNumber(parameters, 4 * word).set(image);
      setAddress(code, image, image, [[n, channels * size[0] * size[1] * size[2] * 4]]);
      code.get(image).get(to).get(from).get(end).call(fills[k]);
    }
  });
}
