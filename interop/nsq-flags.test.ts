/** Our nsqd and NSQ's side by side: what `--version` and `--help` print, and how flags are refused. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "@polylog/testkit";
import { findTool, missingTools, type OutsideTool } from "./outside-tools.ts";

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Flags of nsqd that came after 1.3.0; they may be missing in theirs. */
const later = ["auth-http-request-method", "enable-experiment", "topology-region", "topology-zone"];

for (const name of ["nsqd", "nsqlookupd"] as const satisfies readonly OutsideTool[]) {
  const skip = missingTools(name);
  const command = fileURLToPath(new URL(`../../packages/server/bin/${name}.js`, import.meta.url));
  const both = (cwd: string, ...flags: string[]): readonly [ours: Ended, theirs: Ended] => [
    spawnSync(process.execPath, [command, ...flags], { cwd, encoding: "utf8", timeout: 30_000 }),
    spawnSync(findTool(name)!, flags, { cwd, encoding: "utf8", timeout: 30_000 }),
  ];

  test(`${name} --version prints the same but for what it was built with`, { skip }, (t) => {
    const [ours, theirs] = both(temporaryDirectory(t), "--version");
    const common = (text: string) => text.replace(/built w\/(go|node)[^)]*/, "built w/");
    assert.equal(common(ours.stdout), common(theirs.stdout));
    assert.equal(ours.status, theirs.status);
  });

  test(`${name} --help has the same flags, values and defaults`, { skip }, (t) => {
    const [ours, theirs] = both(temporaryDirectory(t), "--help");
    const theirFlags = flagsOf(theirs.stderr);
    const ourFlags = flagsOf(ours.stderr).filter(
      ([flag]) => !later.includes(flag) || theirFlags.some(([f]) => f === flag),
    );
    assert.deepEqual(ourFlags, theirFlags);
    assert.equal(ours.status, theirs.status);
  });

  test(`${name} refuses flags in the same words`, { skip }, (t) => {
    const directory = temporaryDirectory(t);
    for (const flags of refusals[name]) {
      const [ours, theirs] = both(directory, ...flags);
      assert.equal(firstLine(ours.stderr), firstLine(theirs.stderr), flags.join(" "));
      assert.equal(ours.status, theirs.status, flags.join(" "));
    }
  });
}

const common = [
  ["-nope"],
  ["--no-such=1"],
  ["-tcp-address"],
  ["---x"],
  ["-=x"],
  ["-version=maybe"],
  ["-log-level=loud"],
];
const refusals: Readonly<Record<"nsqd" | "nsqlookupd", readonly string[][]>> = {
  nsqd: [
    ...common,
    ["-mem-queue-size=abc"],
    ["-msg-timeout=5"],
    ["-snappy=no"],
    ["-tls-required=maybe"],
    ["-tls-min-version=ssl3.0"],
    ["-node-id=5000"],
    ["-max-deflate-level=10"],
    ["-tls-required"],
    ["-tls-required=tcp-https"],
    ["-tls-client-auth-policy=require"],
    ["-e2e-processing-latency-percentile=1.5"],
    ["-data-path=missing", "-tcp-address=127.0.0.1:0", "-http-address=127.0.0.1:0"],
  ],
  nsqlookupd: [...common, ["-tombstone-lifetime=5"]],
};

/** Without the prefix and the time of a line of the log. */
function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/^\[\w+\] \S+ \S+ /, "");
}

/** Name, what stands for the value, and the default; the texts are NSQ's to change. */
function flagsOf(help: string): [name: string, value: string, shown: string][] {
  return [...help.matchAll(/^ {2}-(\S+) ?(\S*)\n(.*)$/gm)].map(([, name = "", value = "", text = ""]) => {
    return [name, value, /\(default [^()]*\)$/.exec(text)?.[0] ?? ""];
  });
}
