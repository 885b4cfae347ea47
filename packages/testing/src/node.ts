/**
 * Golden fixtures: numbers that other frameworks computed, read from files. Node only.
 * @packageDocumentation
 */
export { type Fixture, type HostTensors, readFixture } from "./golden/fixture.ts";
export { type GoldenSummary, runGoldenFolder } from "./golden/folder.ts";
export { type GoldenOptions, type GoldenResult, runGolden } from "./golden/run.ts";
