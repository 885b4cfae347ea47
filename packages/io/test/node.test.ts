import type { FileHandle } from "node:fs/promises";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "@squall/tensor";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeSafetensors, FormatError } from "../src/index.ts";
import { loadModel, loadSafetensors, saveModel, saveSafetensors, writeFileAtomic } from "../src/node.ts";
import { build, Forecaster } from "./models.ts";
import { counting, withForeign } from "./samples.ts";

/** What goes wrong with the files that are opened for writing. */
let failure: "none" | "write" | "sync" | "rename" = "none";

vi.mock("node:fs/promises", async (importOriginal) => {
  const real = await importOriginal<typeof import("node:fs/promises")>();
  const fail = (): never => {
    throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  };
  return {
    ...real,
    open: async (path: string, flags: string): Promise<FileHandle> => {
      const handle = await real.open(path, flags);
      if (flags === "wx" && failure === "write") {
        const write = handle.writeFile.bind(handle);
        handle.writeFile = async (bytes) => {
          // Half of the file gets to the disk.
          if (bytes instanceof Uint8Array) await write(bytes.subarray(0, bytes.length >> 1));
          fail();
        };
      }
      if (flags === "wx" && failure === "sync") handle.sync = async () => fail();
      return handle;
    },
    rename: async (from: string, to: string): Promise<void> => {
      if (failure === "rename") fail();
      await real.rename(from, to);
    },
  };
});

let folder = "";

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "squall-io-"));
});

afterEach(async () => {
  failure = "none";
  await fs.rm(folder, { recursive: true });
});

describe("writeFileAtomic", () => {
  it("writes new files and replaces old ones, longer or shorter", async () => {
    const path = join(folder, "file");
    for (const size of [5, 1000, 0, 3]) {
      await writeFileAtomic(path, new Uint8Array(size).fill(size));
      expect([...(await fs.readFile(path))]).toEqual(new Array(size).fill(size % 256));
    }
    expect(await fs.readdir(folder)).toEqual(["file"]);
  });

  it.each(["write", "sync", "rename"] as const)("keeps the old file whole when %s fails", async (what) => {
    const path = join(folder, "file");
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    failure = what;
    await expect(writeFileAtomic(path, new Uint8Array(100))).rejects.toMatchObject({ code: "ENOSPC" });
    expect([...(await fs.readFile(path))]).toEqual([1, 2, 3]);
    await expect(writeFileAtomic(join(folder, "new"), new Uint8Array(100))).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await fs.readdir(folder)).toEqual(["file"]);
  });

  it("fails on folders and in folders that do not exist, leaving nothing behind", async () => {
    await fs.mkdir(join(folder, "sub"));
    await expect(writeFileAtomic(join(folder, "sub"), Uint8Array.of(1))).rejects.toThrow();
    await expect(writeFileAtomic(join(folder, "none", "file"), Uint8Array.of(1))).rejects.toMatchObject({
      code: "ENOENT",
    });
    expect(await fs.readdir(folder)).toEqual(["sub"]);
    expect(await fs.readdir(join(folder, "sub"))).toEqual([]);
  });

  it("keeps permissions and links", async () => {
    const path = join(folder, "file");
    const link = join(folder, "link");
    await fs.writeFile(path, "old");
    await fs.chmod(path, 0o600);
    await fs.symlink(path, link);
    await writeFileAtomic(link, Uint8Array.of(7));
    expect((await fs.lstat(link)).isSymbolicLink()).toBe(true);
    expect([...(await fs.readFile(path))]).toEqual([7]);
    expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
  });

  it("leaves one whole file when several write at once", async () => {
    const path = join(folder, "file");
    await Promise.all([1, 2, 3, 4].map((n) => writeFileAtomic(path, new Uint8Array(10_000 * n).fill(n))));
    const bytes = await fs.readFile(path);
    expect(bytes.length).toBe(10_000 * bytes[0]);
    expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
    expect(await fs.readdir(folder)).toEqual(["file"]);
  });
});

describe("saveSafetensors and loadSafetensors", () => {
  it("round trip through a file", async () => {
    const path = join(folder, "model.safetensors");
    const weight = tensor([
      [1, 2],
      [3, 4],
    ]).requiresGrad_();
    await saveSafetensors(path, { weight, bias: tensor([0.5], { dtype: "float64" }) }, { epoch: "3" });
    const { tensors, metadata } = await loadSafetensors(path);
    expect(tensors.weight.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect([tensors.bias.dtype, tensors.bias.toArray()]).toEqual(["float64", [0.5]]);
    expect(metadata).toEqual({ epoch: "3" });
  });

  it("keep the old file whole when the new one cannot be written", async () => {
    const path = join(folder, "model.safetensors");
    await saveSafetensors(path, { w: tensor([1]) });
    failure = "write";
    await expect(saveSafetensors(path, { w: tensor([2]) })).rejects.toMatchObject({ code: "ENOSPC" });
    expect((await loadSafetensors(path)).tensors.w.toArray()).toEqual([1]);
  });

  it("load those that are chosen, and say how where one cannot be read", async () => {
    const path = join(folder, "model.safetensors");
    const strangers = [["norm.num_batches_tracked", { word: "I64", size: 8 }]] as const;
    await fs.writeFile(path, withForeign(encodeSafetensors({ "norm.weight": counting(2) }), strangers));
    await expect(loadSafetensors(path)).rejects.toThrow(
      `loadSafetensors(${JSON.stringify(path)}): tensor "norm.num_batches_tracked" is I64, but only F32 and F64 can be read; convert it before saving, or leave it out: { only: (name) => name !== "norm.num_batches_tracked" }`,
    );
    const { tensors } = await loadSafetensors(path, { only: (name) => !name.endsWith("num_batches_tracked") });
    expect(Object.keys(tensors)).toEqual(["norm.weight"]);
  });

  it("name the file that is broken", async () => {
    const path = join(folder, "model.safetensors");
    await fs.writeFile(path, "short");
    await expect(loadSafetensors(path)).rejects.toThrow(FormatError);
    await expect(loadSafetensors(path)).rejects.toThrow(
      `loadSafetensors(${JSON.stringify(path)}): the file has 5 bytes but needs at least 8`,
    );
    await expect(loadSafetensors(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("saveModel and loadModel", () => {
  const path = (): string => join(folder, "model.safetensors");

  it("round trip through a file, beside other text", async () => {
    const model = new Forecaster([3, 2], "float64");
    await saveModel(path(), model, { epoch: "3" });
    const loaded = await loadModel(path(), build);
    expect(loaded.config).toEqual(model.config);
    expect(loaded.body.cells.at(1).bias?.toArray()).toEqual(model.body.cells.at(1).bias?.toArray());
    expect(loaded.head.weight.dtype).toBe("float64");
    expect(loaded.head.weight.toArray()).toEqual(model.head.weight.toArray());
    expect((await loadSafetensors(path())).metadata.epoch).toBe("3");
  });

  it("leave out what others put beside the model's tensors", async () => {
    const model = new Forecaster([2]);
    await saveModel(path(), model);
    const whole = Uint8Array.from(await fs.readFile(path()));
    await fs.writeFile(path(), withForeign(whole, [["ema.steps", { word: "I64", size: 8 }]]));
    await expect(loadModel(path(), build)).rejects.toMatchObject({ name: "DTypeError" });
    const loaded = await loadModel(path(), build, { only: (name) => !name.startsWith("ema.") });
    expect(loaded.head.weight.toArray()).toEqual(model.head.weight.toArray());
  });

  it("keep the old file whole when the new one cannot be made or written", async () => {
    const model = new Forecaster([2]);
    await saveModel(path(), model);
    failure = "write";
    await expect(saveModel(path(), new Forecaster([3]))).rejects.toMatchObject({ code: "ENOSPC" });
    failure = "none";
    await expect(saveModel(path(), { config: { lr: Number.NaN }, stateDict: () => ({}) })).rejects.toThrow(
      "saveModel: config.lr is NaN, which JSON would not give back",
    );
    expect((await loadModel(path(), build)).config).toEqual(model.config);
  });

  it("name the file that holds no such model", async () => {
    const name = `loadModel(${JSON.stringify(path())})`;
    await saveSafetensors(path(), { w: tensor([1]) });
    await expect(loadModel(path(), build)).rejects.toThrow(`${name}: there is no model's config in the file`);
    await saveSafetensors(path(), { w: tensor([1]) }, { "squall.config": '{"kind":"Forecaster","hidden":[1]}' });
    await expect(loadModel(path(), build)).rejects.toMatchObject({
      name: "StateDictError",
      message: expect.stringMatching(/: the state dict does not fit Forecaster: missing: .*; unexpected: w$/),
      op: name,
    });
    await expect(loadModel(join(folder, "none"), build)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
