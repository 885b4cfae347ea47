// Puts the page together.

import { cpu } from "@squall/cpu";
import { DevicePanel } from "./devicePanel.ts";
import { byId, tell } from "./elements.ts";
import { ForecastPanel } from "./forecastPanel.ts";
import { fetchModel } from "./model.ts";
import { formatState, parseState } from "./state.ts";
import { TrainingPanel } from "./trainingPanel.ts";

async function start(): Promise<void> {
  let state = parseState(location.hash);
  const wanted = state.device;
  const remember = (changes: Partial<typeof state>): void => {
    state = { ...state, ...changes };
    history.replaceState(null, "", formatState(state));
  };
  const trained = await fetchModel("./model.safetensors");
  const { options } = trained;
  byId("model-text", HTMLElement).textContent =
    `The model has ${trained.model.parameterCount().toLocaleString("en")} weights and was trained for ` +
    `${options.steps.toLocaleString("en")} steps of ${options.batch} films of drawn digits, ${options.size} x ${options.size} pixels.`;

  let training: TrainingPanel | undefined;
  const forecasting = new ForecastPanel({
    trained,
    device: cpu,
    seed: state.seed,
    seedChanged: (seed) => remember({ seed }),
    filmChanged: (film) => training?.setFilm(film),
  });
  training = new TrainingPanel(trained, cpu, forecasting.shown);
  const devices = new DevicePanel(async (device, choice) => {
    const commit = await forecasting.moveTo(device);
    const settle = await training.moveTo(device);
    commit();
    settle(true);
    remember({ device: choice });
  });
  await devices.choose("cpu");
  if (wanted !== "cpu") await devices.choose(wanted);
}

start().catch((error: unknown) => {
  const cause = error instanceof Error ? error.message : String(error);
  tell(byId("page-problem", HTMLElement), `The page could not start: ${cause}`);
  console.error(error);
});
