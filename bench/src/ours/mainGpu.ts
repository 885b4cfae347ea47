// The process in which Squall is timed on the gpu.
import { serve } from "../child/serve.ts";
import { oursOnGpu } from "./gpu.ts";

await serve(oursOnGpu);
