import { type Device, dtypes, type Kernels } from "@squall/device";
import { conv, convInputGradient, convWeightGradient } from "./conv/kernels.ts";
import { convLstm } from "./convlstm/kernels.ts";
import { describePath } from "./dispatch.ts";
import { cast, copy, fill } from "./loops/move.ts";
import { matmul } from "./matmul/kernels.ts";
import { lstmStep, lstmStepGradient } from "./simd/lstm.ts";
import { map } from "./simd/map.ts";
import { reduce } from "./simd/reduce.ts";
import { update } from "./simd/update.ts";
import { arrayOf, CpuStorage, ReusableStorage } from "./storage.ts";

const kernels: Kernels = {
  fill,
  copy,
  cast,
  map,
  update,
  reduce,
  matmul,
  conv,
  convInputGradient,
  convWeightGradient,
  lstmStep,
  lstmStepGradient,
  convLstm,
};

/**
 * The default device. Storages are typed arrays that the garbage collector owns; every kernel runs to its end in the call. float64 and
 * all loops compute in double precision. float32 goes through WebAssembly SIMD where the machine has it (see `setKernelPath`, and
 * `describe()` for what was found): every step of an expression is then rounded to float32, as PyTorch does, functions like `exp` are
 * within three units of the last place, products and convolutions sum in float32, and `reduce` still sums in doubles. `sin`, `cos` and
 * `pow` have no vector form and take the loops.
 */
export const cpu: Device = {
  name: "cpu",
  kernels,
  dtypes,
  canReadSync: true,
  upload: (data) => new CpuStorage(data.slice()),
  read: async (storage) => arrayOf("read", storage).slice(),
  readSync: (storage) => arrayOf("readSync", storage).slice(),
  dispose: (storage) => {
    if (storage instanceof ReusableStorage) storage.dispose();
  },
  sync: async () => {},
  memory: () => ({ bytes: undefined, storages: undefined }),
  describe: () => `cpu: ${describePath()}`,
};
