// Vitest runs this before each test file: SQUALL_TEST_PATH names the path that the cpu device is to take.
import { forcePath } from "./forcePath.ts";

const name = process.env.SQUALL_TEST_PATH;
if (name !== undefined && name !== "") forcePath(name);
