// The process in which plain JavaScript is timed.
import { serve } from "../../child/serve.ts";
import { plainJs } from "./player.ts";

await serve(plainJs);
