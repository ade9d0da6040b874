/** Programs on other people's NSQ clients, all with the same commands; go-nsq/main.go says which. */

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "@polylog/testkit";
import { findTool, missingTools } from "./outside-tools.ts";

export interface OutsideClient {
  readonly name: string;
  /** Why it cannot be run here, as for a test's `skip`. */
  readonly missing: string | false;
  /** The command's words; undefined when it could not be built. */
  prepare(t: TestContext): readonly string[] | undefined;
}

const source = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export const outsideClients: readonly OutsideClient[] = [
  { name: "go-nsq", missing: missingTools("go"), prepare: buildGoNsq },
  {
    name: "pynsq",
    missing: missingTools("python3") || missingModules("nsq", "snappy"),
    prepare: () => ["python3", source("pynsq/client.py")],
  },
];

function buildGoNsq(t: TestContext): readonly string[] | undefined {
  const program = join(temporaryDirectory(t), "go-nsq");
  const built = spawnSync(findTool("go")!, ["build", "-o", program, "."], { cwd: source("go-nsq"), encoding: "utf8" });
  if (built.status !== 0) t.diagnostic(built.stderr);
  return built.status === 0 ? [program] : undefined;
}

function missingModules(...names: readonly string[]): string | false {
  const { status } = spawnSync("python3", ["-c", `import ${names.join(", ")}`], { stdio: "ignore" });
  return status === 0 ? false : `not installed: Python's modules ${names.join(", ")}`;
}

/** What it prints until it ends by itself, which it must do with 0; it ends with the test at the latest. */
export function runClient(t: TestContext, command: readonly string[], ...args: readonly string[]): Promise<string> {
  const child = spawn(command[0]!, [...command.slice(1), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  let complaints = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  child.stderr.on("data", (chunk) => (complaints += chunk));
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${args[0]} ended with ${code}:\n${complaints}`));
    });
  });
}
