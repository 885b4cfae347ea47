import {
  ArgumentError,
  AutogradError,
  allocate,
  bytesPerElement,
  DeviceError,
  DTypeError,
  dtypeOf,
  dtypes,
  ShapeError,
  SquallError,
  StateDictError,
} from "@squall/device";
import { expect, it } from "vitest";

it.each([ShapeError, DTypeError, DeviceError, AutogradError, StateDictError, ArgumentError])(
  "%o carries op, both sides and a text that starts with the op",
  (ErrorClass) => {
    const error = new ErrorClass("conv2d", "3 is not 4", { expected: 4, got: 3 });
    expect(error).toBeInstanceOf(SquallError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: ErrorClass.name,
      message: "conv2d: 3 is not 4",
      op: "conv2d",
      expected: 4,
      got: 3,
    });
    expect(new ErrorClass("sum", "no")).toMatchObject({ expected: undefined, got: undefined });
  },
);

it.each(dtypes)("%s arrays have the bytes and the dtype that they should have", (dtype) => {
  const array = allocate(dtype, 3);
  expect([...array]).toEqual([0, 0, 0]);
  expect([array.byteLength / 3, dtypeOf(array)]).toEqual([bytesPerElement(dtype), dtype]);
});
