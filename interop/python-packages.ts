/** A virtual environment of Python with packages in it, made once per run of a test file; gone with it. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { temporaryDirectory } from "@polylog/testkit";
import { findTool } from "./outside-tools.ts";

export interface PythonPackages {
  /** Of the environment; undefined when it could not be made. */
  readonly python: string | undefined;
  /** For a test's `skip`. */
  readonly skip: string | false;
}

const installTimeoutMs = 120_000;

/** `requirements` as pip takes them. `owner`: when it is done with, the environment goes. */
export function pythonWith(
  owner: Parameters<typeof temporaryDirectory>[0],
  ...requirements: readonly string[]
): PythonPackages {
  const python3 = findTool("python3");
  if (python3 === undefined) return { python: undefined, skip: "not installed: python3" };
  const directory = temporaryDirectory(owner);
  const made = spawnSync(python3, ["-m", "venv", directory], { encoding: "utf8", timeout: installTimeoutMs });
  if (made.status !== 0) return { python: undefined, skip: "python3 has no module venv" };
  const python = join(directory, "bin", "python");
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements];
  const installed = spawnSync(python, install, { encoding: "utf8", timeout: installTimeoutMs });
  if (installed.status === 0) return { python, skip: false };
  return { python: undefined, skip: `pip could not install ${requirements.join(", ")}` };
}
