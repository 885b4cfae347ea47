/**
 * An image as emitted kernels read it: zeros around it, and the channels of a pixel side by side, `[depth, height, width, channels]`.
 * All strides are in bytes.
 */
export interface Frame {
  /** Positions along each axis, zeros included. */
  readonly extent: readonly [number, number, number];
  /** Zeros before the image along each axis. */
  readonly before: readonly [number, number, number];
  /** Positions of the image itself along each axis, where they lie within the frame. */
  readonly inside: readonly [number, number, number];
  /** Floats per pixel. */
  readonly channels: number;
  /** Bytes from a pixel to the next. */
  readonly pixel: number;
  /** Bytes from a row to the next. */
  readonly row: number;
  /** Bytes from a plane to the next. */
  readonly plane: number;
  /** Bytes of a whole frame, with room for vectors that reach past its end. */
  readonly bytes: number;
}

/** Bytes that vectors may reach past the end of a frame. */
const slack = 256;

/** What is known of an axis: the frame has to reach `reach` positions from `-before` on, and the image has `size`. */
export interface FrameAxis {
  /** Zeros before the image. */
  readonly before: number;
  /** Size of the image. */
  readonly size: number;
  /** Positions that are read, zeros included. */
  readonly reach: number;
}

/** The frame of an image with three axes; what is never read of it is left out. */
export function frameOf(axes: readonly FrameAxis[], channels: number): Frame {
  const [d, h, w] = axes;
  const pixel = 4 * channels;
  const row = w.reach * pixel;
  const plane = h.reach * row;
  const inside = (axis: FrameAxis): number => Math.max(0, Math.min(axis.size, axis.reach - axis.before));
  return {
    extent: [d.reach, h.reach, w.reach],
    before: [d.before, h.before, w.before],
    inside: [inside(d), inside(h), inside(w)],
    channels,
    pixel,
    row,
    plane,
    bytes: Math.ceil((d.reach * plane + slack) / 64) * 64,
  };
}
