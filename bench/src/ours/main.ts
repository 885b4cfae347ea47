// The process in which Squall is timed on the cpu.
import { serve } from "../child/serve.ts";
import { ours } from "./cpu.ts";

await serve(ours);
