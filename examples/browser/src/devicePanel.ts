// The choice of the device: everything moves there, or stays where it is and the page says why.

import type { Device } from "@squall/tensor";
import { DEVICE_NAMES, describeDevice, explain, openDevice } from "./devices.ts";
import { byId, make, tell } from "./elements.ts";
import { DEVICE_CHOICES, type DeviceChoice } from "./state.ts";

/** Moves everything to a device, or nothing. @throws whatever the device throws */
export type MoveAll = (device: Device, choice: DeviceChoice) => Promise<void>;

/** Shows the choice and carries it out. */
export class DevicePanel {
  private readonly text = byId("device-text", HTMLElement);
  private readonly problem = byId("device-problem", HTMLElement);
  private readonly radios = new Map<DeviceChoice, HTMLInputElement>();
  private readonly moveAll: MoveAll;
  private current: DeviceChoice = "cpu";

  constructor(moveAll: MoveAll) {
    this.moveAll = moveAll;
    for (const choice of DEVICE_CHOICES) {
      const radio = make("input", { type: "radio", name: "device", value: choice });
      radio.addEventListener("change", () => this.choose(choice));
      this.radios.set(choice, radio);
      byId("devices", HTMLElement).append(make("label", {}, radio, ` ${DEVICE_NAMES[choice]}`));
    }
    this.mark("cpu");
  }

  /** Goes to a device, or says why not. */
  async choose(choice: DeviceChoice): Promise<void> {
    this.enable(false);
    this.mark(choice);
    tell(this.problem, undefined);
    this.text.textContent = `preparing ${DEVICE_NAMES[choice]} …`;
    try {
      await this.moveAll(await openDevice(choice), choice);
      this.current = choice;
    } catch (error) {
      tell(this.problem, explain(choice, error));
      this.mark(this.current);
    }
    this.text.textContent = describeDevice(await openDevice(this.current));
    this.enable(true);
  }

  private mark(choice: DeviceChoice): void {
    const radio = this.radios.get(choice);
    if (radio !== undefined) radio.checked = true;
  }

  private enable(on: boolean): void {
    for (const radio of this.radios.values()) radio.disabled = !on;
  }
}
