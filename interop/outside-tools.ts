/**
 * The programs of other toolchains that the tests here talk to. None comes with the repository: a test asks for what
 * it needs and is skipped, with the reason, where that is absent.
 *
 *     test("receives from mosquitto_pub", { skip: missingTools("mosquitto_pub") }, …)
 */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What each program is used for, in the words of the report. */
export const outsideTools = {
  mosquitto_pub: "publishes over MQTT (mosquitto-clients)",
  mosquitto_sub: "subscribes over MQTT (mosquitto-clients)",
  mosquitto: "an MQTT broker to compare with",
  "nats-server": "another broker for mqtt-bench to measure",
  nsqd: "an nsqd to compare with",
  nsqlookupd: "an nsqlookupd to compare with",
  nsq_tail: "a consumer from NSQ's own tools",
  to_nsq: "a producer from NSQ's own tools",
  go: "builds the go-nsq client",
  python3: "runs Python clients",
  cargo: "builds the rumqttc client",
  openssl: "makes certificates",
  strace: "makes system calls fail or wait",
  podman: "runs a broker in a container for mqtt-bench",
  chromium: "opens the pages of mqtt-bench",
} as const;

export type OutsideTool = keyof typeof outsideTools;

/**
 * The program's path, searched in `PATH`; `undefined` when it is not installed. Commands that npm linked do not count: our
 * own tools have the names of NSQ's.
 */
export function findTool(name: string, path: string = process.env["PATH"] ?? ""): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** For a test's `skip`: the reason when one of the programs is not installed, otherwise false. */
export function missingTools(...names: readonly OutsideTool[]): string | false {
  const missing = names.filter((name) => findTool(name) === undefined);
  return missing.length === 0 ? false : `not installed: ${missing.join(", ")}`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
