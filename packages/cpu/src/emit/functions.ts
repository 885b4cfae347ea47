import type { Code, Local } from "../assembler/code.ts";
import type { Instruction } from "../assembler/opcodes.ts";

/** `1.5 · 2²³`: added to a small number it leaves the nearest whole number in the low bits of the sum. */
const rounder = 12582912;
/** ln 2 in two parts; the first has few bits, so that whole multiples of it are exact. */
const [ln2High, ln2Low] = [0.693359375, -2.1219444e-4];
/** `(eʳ - 1 - r) / r²` for |r| <= ln 2 / 2, highest power first (Cephes, `expf`). */
const exponential = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5];
/** `(log(1 + f) - 2s) / s + f²/2·…` in powers of `s²`, where `s = f / (2 + f)`, highest first (FreeBSD msun, `logf`). */
const logarithm = [0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693];
/** Bits of √½ and of 1. */
const [rootHalfBits, oneBits] = [0x3f3504f3, 0x3f800000];

/**
 * Functions over vectors of four floats, emitted into one function. Each reads a variable, leaves it alone and pushes its result.
 * Constants and helper variables are shared between calls; results may not be read from helper variables, so store them in your own.
 *
 * Errors against the true value, in units of the last place of float32 (measured by the tests): `exp`, `log` 1.1; `expm1`, `log1p` 2;
 * `sigmoid` 2.5; `tanh` 2.6. `sigmoid` gives 0 where its value is below 2^-126; the others are right down to the smallest denormal number.
 * NaN gives NaN, infinities give the limits.
 */
export class VectorMath {
  private readonly code: Code;
  private readonly fused: boolean;
  private readonly helpers: Local[] = [];

  /** @param fused - multiply and add in one rounding (relaxed SIMD) */
  constructor(code: Code, fused: boolean) {
    this.code = code;
    this.fused = fused;
  }

  /** `eˣ` */
  exp(x: Local): void {
    const { code } = this;
    const [bounded, steps] = [this.helper(0), this.helper(1)];
    code.get(x);
    this.bound(-104, 89).set(bounded);
    this.reduced(bounded, steps);
    this.plus(1);
    // 2ⁿ as a product of two powers, neither of which over- or underflows on the way.
    code.get(steps).number(1).op("i32x4.shr_s").set(bounded);
    this.powerOfTwo(() => code.get(bounded));
    code.op("f32x4.mul");
    this.powerOfTwo(() => code.get(steps).get(bounded).op("i32x4.sub"));
    code.op("f32x4.mul");
  }

  /** `eˣ - 1`, exact near 0 */
  expm1(x: Local): void {
    const { code } = this;
    const bounded = this.helper(0);
    code.get(x);
    this.bound(-18, 89).set(bounded);
    this.expm1Bounded(bounded);
  }

  /** `1 / (1 + e⁻ˣ)` */
  sigmoid(x: Local): void {
    const { code } = this;
    const bounded = this.helper(0);
    code.get(x).op("f32x4.neg");
    this.bound(-87, 89).set(bounded);
    const steps = this.helper(1);
    code.get(code.constant(1));
    this.reduced(bounded, steps);
    this.plus(1);
    // The power is Infinity at its upper end, and the quotient 0.
    this.powerOfTwo(() => code.get(steps));
    code.op("f32x4.mul");
    this.plus(1);
    code.op("f32x4.div");
  }

  /** `tanh x = (e²ˣ - 1) / (e²ˣ + 1)`, of small relative error also near 0 */
  tanh(x: Local): void {
    const { code } = this;
    const bounded = this.helper(0);
    code.get(x).get(x).op("f32x4.add");
    this.bound(-18.5, 18.5).set(bounded);
    this.expm1Bounded(bounded);
    code.tee(bounded).get(bounded);
    this.plus(2);
    code.op("f32x4.div");
  }

  /** Natural logarithm. */
  log(x: Local): void {
    const { code } = this;
    const [scaled, tiny] = [this.helper(0), this.helper(1)];
    // Denormal numbers are made normal; the factor 2²³ is taken off the exponent below.
    code
      .get(x)
      .get(code.constant(2 ** -126))
      .op("f32x4.lt")
      .set(tiny);
    code
      .get(x)
      .get(code.constant(2 ** 23))
      .op("f32x4.mul")
      .get(x)
      .get(tiny)
      .op("v128.bitselect")
      .set(scaled);
    this.logOfNormal(scaled, () => code.get(tiny).get(code.constant(23)).op("v128.and").op("f32x4.sub"));
    this.logEdges(x);
  }

  /** `log(1 + x)`, exact near 0 */
  log1p(x: Local): void {
    const { code } = this;
    const [sum, lost] = [this.helper(0), this.helper(1)];
    code.get(x).get(code.constant(1)).op("f32x4.add").set(sum);
    // What the sum lost to rounding: nothing where it is 0 or infinite.
    code.get(sum).get(code.constant(1)).op("f32x4.sub").set(lost);
    code.get(x).get(lost).op("f32x4.sub").get(sum).op("f32x4.div");
    code.get(x).get(lost).op("f32x4.ne").op("v128.and").set(lost);
    this.logOfNormal(sum, () => {});
    code.get(lost).op("f32x4.add");
    this.logEdges(sum);
  }

  /** -1, 0 or 1, or NaN */
  sign(x: Local): void {
    const { code } = this;
    const signBit = code.constantBits(0x80000000);
    code.get(x).get(signBit).op("v128.and").get(code.constant(1)).op("v128.or").get(x);
    code.get(x).op("f32x4.abs").get(code.constant(0)).op("f32x4.gt").op("v128.bitselect");
  }

  /** One instruction, applied to `x`. */
  plain(name: Instruction, x: Local): void {
    this.code.get(x).op(name);
  }

  /** Pops a vector, pushes it kept within bounds; NaN stays. */
  private bound(low: number, high: number): Code {
    const { code } = this;
    return code.get(code.constant(high)).op("f32x4.pmin").get(code.constant(low)).op("f32x4.pmax");
  }

  /** Pushes `eʳ - 1` where `x = n ln 2 + r` with the nearest whole `n`, which `steps` holds in its low bits. Overwrites `x`. */
  private reduced(x: Local, steps: Local): void {
    const { code } = this;
    const whole = this.helper(2);
    code.get(x).get(code.constant(Math.LOG2E));
    this.times(() => code.get(code.constant(rounder)));
    code.tee(steps).get(code.constant(rounder)).op("f32x4.sub").set(whole);
    this.minusProduct(x, whole, ln2High);
    this.minusProduct(x, whole, ln2Low);
    code.get(x).get(x).op("f32x4.mul").set(whole);
    this.polynomial(exponential, x);
    code.get(whole);
    this.times(() => code.get(x));
  }

  /** Pushes `eˣ - 1` for `x` in [-18.5, 89], which is overwritten. */
  private expm1Bounded(x: Local): void {
    const { code } = this;
    const steps = this.helper(1);
    this.reduced(x, steps);
    // 2ⁿ⁻¹, twice, because 2ⁿ overflows before the result does.
    this.powerOfTwo(() => code.get(steps).get(code.constantBits(1)).op("i32x4.sub"));
    code.tee(steps);
    this.times(() => code.get(steps).get(code.constant(0.5)).op("f32x4.sub"));
    code.tee(x).get(x).op("f32x4.add");
  }

  /** Pushes the logarithm of a normal number; the exponent, on the stack as a float, passes through `correct`. Overwrites helpers 2 on. */
  private logOfNormal(x: Local, correct: () => void): void {
    const { code } = this;
    const [bits, exponent, f, s, square] = [2, 3, 4, 5, 6].map((k) => this.helper(k));
    // x = 2ᵏ·m with m in [√½, √2); f = m - 1.
    code
      .get(x)
      .get(code.constantBits(oneBits - rootHalfBits))
      .op("i32x4.add")
      .tee(bits);
    code.number(23).op("i32x4.shr_s").get(code.constantBits(127)).op("i32x4.sub").op("f32x4.convert_i32x4_s");
    correct();
    code.set(exponent);
    code.get(bits).get(code.constantBits(0x7fffff)).op("v128.and");
    code.get(code.constantBits(rootHalfBits)).op("i32x4.add");
    code.get(code.constant(1)).op("f32x4.sub").tee(f);
    code.get(f).get(code.constant(2)).op("f32x4.add").op("f32x4.div").tee(s);
    code.get(s).op("f32x4.mul").set(square);
    // s·(f²/2 + R) - f²/2 + f, the parts of k·ln 2 added where they fit best.
    const half = bits;
    code.get(f).get(f).op("f32x4.mul").get(code.constant(0.5)).op("f32x4.mul").set(half);
    this.polynomial(logarithm, square);
    code.get(square);
    this.times(() => code.get(half));
    code.get(s);
    this.times(() => code.get(exponent).get(code.constant(ln2Low)).op("f32x4.mul"));
    code.get(half).op("f32x4.sub").get(f).op("f32x4.add");
    code.get(exponent).get(code.constant(ln2High)).op("f32x4.mul").op("f32x4.add");
  }

  /** Pops a logarithm, pushes it or what belongs to 0, Infinity, negative numbers and NaN. */
  private logEdges(x: Local): void {
    const { code } = this;
    const zero = code.constant(0);
    const infinity = code.constant(Number.POSITIVE_INFINITY);
    // Finite numbers above 0 keep their logarithm; 0 gives -Infinity, Infinity itself, anything else NaN.
    code.get(x).get(code.constant(Number.NaN)).get(x).get(infinity).op("f32x4.eq").op("v128.bitselect");
    code.set(this.helper(2)).get(infinity).op("f32x4.neg").get(this.helper(2)).get(x).get(zero).op("f32x4.eq");
    code.op("v128.bitselect");
    code.get(x).get(zero).op("f32x4.gt").get(x).get(infinity).op("f32x4.lt").op("v128.and").op("v128.bitselect");
  }

  /** Pushes `2ⁿ`, where `steps` pushes vectors with `n` in their low bits. */
  private powerOfTwo(steps: () => void): void {
    steps();
    this.code.number(23).op("i32x4.shl").get(this.code.constantBits(oneBits)).op("i32x4.add");
  }

  /** Pushes a polynomial of `x`, coefficients from the highest power down. */
  private polynomial([first, ...rest]: readonly number[], x: Local): void {
    const { code } = this;
    code.get(code.constant(first));
    for (const coefficient of rest) {
      code.get(x);
      this.times(() => code.get(code.constant(coefficient)));
    }
  }

  /** Pops `a` and `b`, pushes `a·b + c`, where `c` pushes `c`. */
  private times(c: () => void): void {
    const { code, fused } = this;
    if (!fused) code.op("f32x4.mul");
    c();
    code.op(fused ? "f32x4.relaxed_madd" : "f32x4.add");
  }

  /** `x -= factor · constant` */
  private minusProduct(x: Local, factor: Local, value: number): void {
    const { code, fused } = this;
    const constant = code.constant(value);
    if (fused) code.get(factor).get(constant).get(x).op("f32x4.relaxed_nmadd");
    else code.get(x).get(factor).get(constant).op("f32x4.mul").op("f32x4.sub");
    code.set(x);
  }

  private plus(value: number): void {
    this.code.get(this.code.constant(value)).op("f32x4.add");
  }

  private helper(index: number): Local {
    while (this.helpers.length <= index) this.helpers.push(this.code.local("v128"));
    return this.helpers[index];
  }
}
