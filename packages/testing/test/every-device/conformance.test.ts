import { cpu } from "@squall/cpu";
import { deviceConformance } from "@squall/testing";
import { describe, it } from "vitest";
import { proxyDevice } from "../proxyDevice.ts";

/** Devices that run everywhere. Packages with other devices call `deviceConformance` in their own tests. */
describe.each([cpu, proxyDevice()])("$name", (device) => {
  for (const { name, run } of deviceConformance(device)) it(name, run);
});
