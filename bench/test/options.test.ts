import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { helpText, type Known, type Options, OptionsError, parseOptions } from "../src/options.ts";

const names = ["W1", "W1b", "matmul-512", "matmul-1024", "scaling"];
const known: Known = { cpu: { all: names, usual: names }, gpu: { all: ["G1", "W1", "W3"], usual: ["G1", "W3"] } };

function read(...argv: string[]): Options {
  const command = parseOptions(argv, known);
  if (command.help) throw new Error("asked for help");
  return command.options;
}

describe("parseOptions", () => {
  test("without options times everything beside everybody, with all threads", () => {
    expect(read()).toEqual({
      device: "cpu",
      names,
      threads: availableParallelism(),
      turbo: false,
      quick: false,
      fullSize: false,
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
      device: "cpu",
      names: ["W1"],
      threads: 3,
      turbo: true,
      quick: true,
      fullSize: false,
      peers: ["torch", "ort"],
      json: "a.json",
    });
    expect(read("--peers", "none").peers).toEqual([]);
  });

  test("on the gpu knows other workloads, wherever the device is named, and times some of them", () => {
    expect(read("--device", "gpu")).toMatchObject({ device: "gpu", names: ["G1", "W3"], fullSize: false });
    expect(read("w1", "--device=gpu", "g1").names).toEqual(["G1", "W1"]);
    expect(read("--device", "gpu", "--full-size").fullSize).toBe(true);
    expect(read("--device", "cpu")).toEqual(read());
  });

  test.each([
    [["G1"], "G1: is no workload of the cpu; there are W1, W1b, matmul-512, matmul-1024, scaling"],
    [["--device", "gpu", "scaling"], "scaling: is no workload of the gpu; there are G1, W1, W3"],
    [["--device", "tpu"], '--device: needs cpu or gpu, got "tpu"'],
    [["--device"], "--device: needs a value, as in --device gpu"],
    [["--full-size"], "--full-size: is about software adapters; it needs --device gpu"],
    [["W9"], "W9: is no workload of the cpu; there are W1, W1b, matmul-512, matmul-1024, scaling"],
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
    const text = helpText(known);
    for (const name of [...known.cpu.all, ...known.gpu.all]) expect(text).toContain(name);
    expect(text).toContain("with --device gpu some of G1, W1, W3 [G1, W3]");
    expect(text).toMatch(/software adapter .* says nothing about the speed of a GPU/);
  });
});
