/**
 * Packages from PyPI, in a virtual environment of their own that is made once per machine and kept in the directory for temporary
 * files. Where there is no Python, no venv or no network, the tests that need them are skipped with the reason.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "./outside-tools.ts";

export interface PythonPackages {
  /** The interpreter that has them. */
  readonly python: string;
  /** For a test's `skip`: why there is none. */
  readonly problem: string | false;
}

/** `requirement` as pip takes it, with its version: `paho-mqtt==2.1.0`. */
export function preparePython(requirement: string): PythonPackages {
  const home = join(tmpdir(), `polylog-${requirement.replace("==", "-")}`);
  const python = join(home, "bin", "python3");
  if (existsSync(python)) return { python, problem: false };
  const system = findTool("python3");
  if (system === undefined) return { python, problem: "not installed: python3" };
  const made = mkdtempSync(`${home}-`);
  const problem =
    run(system, "-m", "venv", "--copies", made) ??
    run(join(made, "bin", "python3"), "-m", "pip", "install", "-q", requirement);
  if (problem === undefined && !existsSync(home)) renameSync(made, home);
  else rmSync(made, { recursive: true, force: true });
  return { python, problem: problem === undefined ? false : `could not install ${requirement}: ${problem}` };
}

/** What went wrong. */
function run(command: string, ...words: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, words, { encoding: "utf8", timeout: 120_000 });
  return status === 0 ? undefined : (error?.message ?? stderr).trim().split("\n").at(-1);
}
