import { ArgumentError, AutogradError, type Device, DeviceError, type DType, DTypeError, dtypes } from "@squall/device";
import { isGradEnabled } from "../autograd/mode.ts";
import { Node } from "../autograd/node.ts";
import { Tensor } from "../tensor.ts";

/** Records a conversion whose gradient is converted back. Input and result differ in dtype or device, so this is no {@link defineOp}. */
function recordConversion(op: string, x: Tensor, result: Tensor, back: (gradient: Tensor) => Tensor): Tensor {
  if (isGradEnabled() && x.requiresGrad) {
    const node = new Node(op, [x], ([gradient]) => [gradient === undefined ? undefined : back(gradient)]);
    result.attach({ node, index: 0 });
  }
  return result;
}

/** The same values with another dtype, rounded where needed. Gradients come back in the dtype of `x`. @throws DTypeError */
export function toDType(x: Tensor, dtype: DType): Tensor {
  if (!dtypes.includes(dtype))
    throw new ArgumentError("to", `there is no dtype "${String(dtype)}"; there are ${dtypes.join(" and ")}`, {
      expected: dtypes,
      got: dtype,
    });
  if (x.dtype === dtype) return x;
  if (!x.device.dtypes.includes(dtype)) {
    throw new DTypeError("to", `${x.device.name} does not compute in ${dtype}; it has ${x.device.dtypes.join(", ")}`, {
      expected: x.device.dtypes,
      got: dtype,
    });
  }
  const result = new Tensor(x.device.kernels.cast(x.storage, dtype), x.shape);
  return recordConversion("to", x, result, (gradient) => toDType(gradient, x.dtype));
}

/** @throws DTypeError if a device cannot hold the elements of `x` */
function checkHolds(op: string, x: Tensor, device: Device): void {
  if (device.dtypes.includes(x.dtype)) return;
  throw new DTypeError(
    op,
    `${device.name} does not compute in ${x.dtype}; convert first with to("${device.dtypes[0]}")`,
    {
      expected: device.dtypes,
      got: x.dtype,
    },
  );
}

/** The same values on another device. Gradients come back to the device of `x`. @throws DeviceError, DTypeError */
export function toDevice(x: Tensor, device: Device): Tensor {
  if (x.device === device) return x;
  if (!x.device.canReadSync) {
    throw new DeviceError(
      "to",
      `a tensor on ${x.device.name} cannot be moved at once; use \`await x.toAsync(${device.name})\``,
      { expected: device.name, got: x.device.name },
    );
  }
  checkHolds("to", x, device);
  const result = new Tensor(device.upload(x.device.readSync(x.storage)), x.shape);
  return recordConversion("to", x, result, (gradient) => toDevice(gradient, x.device));
}

/** As {@link toDevice}, off devices that answer later, too; without history. @throws AutogradError, DeviceError, DTypeError */
export async function toDeviceLater(x: Tensor, device: Device): Promise<Tensor> {
  if (x.device === device) return x;
  if (isGradEnabled() && x.requiresGrad) {
    throw new AutogradError("toAsync", `gradients cannot flow back through a move that waits; move ${x}.detach()`);
  }
  checkHolds("toAsync", x, device);
  return new Tensor(device.upload(await x.device.read(x.storage)), x.shape);
}
