// The process in which Squall is timed.
import { serve } from "../child/serve.ts";
import { ours } from "./player.ts";

await serve(ours);
