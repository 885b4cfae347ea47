import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { helpText, type Options, OptionsError, parseOptions } from "../src/options.ts";
import { WORKLOADS } from "../src/workloads.ts";

const known = ["W1", "W1b", "matmul-512", "matmul-1024", "scaling"];

function read(...argv: string[]): Options {
  const command = parseOptions(argv, known);
  if (command.help) throw new Error("asked for help");
  return command.options;
}

describe("parseOptions", () => {
  test("without options times everything beside everybody, with all threads", () => {
    expect(read()).toEqual({
      names: known,
      threads: availableParallelism(),
      turbo: false,
      quick: false,
      peers: undefined,
      json: undefined,
    });
  });

  test("reads names in any case and order, and groups; the order is the report's", () => {
    expect(read("w1B", "W1").names).toEqual(["W1", "W1b"]);
    expect(read("matmul", "matmul-512").names).toEqual(["matmul-512", "matmul-1024"]);
    expect(read("--", "scaling").names).toEqual(["scaling"]);
  });

  test("reads every option", () => {
    expect(read("--threads", "3", "--turbo", "--quick", "--peers=torch,ort", "--json", "a.json", "W1")).toEqual({
      names: ["W1"],
      threads: 3,
      turbo: true,
      quick: true,
      peers: ["torch", "ort"],
      json: "a.json",
    });
    expect(read("--peers", "none").peers).toEqual([]);
  });

  test.each([
    [["W9"], "W9: is no workload; there are W1, W1b, matmul-512, matmul-1024, scaling"],
    [["--threads", "0"], '--threads: needs a whole number of at least 1, got "0"'],
    [["--threads", "1.5"], '--threads: needs a whole number of at least 1, got "1.5"'],
    [["--threads"], "--threads: needs a value, as in --threads 2"],
    [["--peers", "numpy"], '--peers: needs some of torch, ort, tfjs, jax, js, tfjs-cpu, or none, got "numpy"'],
    [["--turbo=yes"], '--turbo: takes no value, got "yes"'],
    [["--gpu"], "--gpu: is no option of the bench; see --help"],
  ])("refuses %j", (argv, message) => {
    expect(() => read(...argv)).toThrow(new OptionsError(message.split(":")[0], message.replace(/^[^:]*: /, "")));
  });

  test("asks for help", () => {
    expect(parseOptions(["W1", "-h"], known)).toEqual({ help: true });
    for (const { name } of WORKLOADS) expect(helpText(WORKLOADS.map((each) => each.name))).toContain(name);
  });
});
