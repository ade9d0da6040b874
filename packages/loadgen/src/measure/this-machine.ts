/** What a result says of the machine that measured. */

import { availableParallelism, cpus, hostname, totalmem } from "node:os";
import type { Environment } from "./result.ts";

export function thisMachine(): Environment {
  return {
    hostname: hostname(),
    cores: availableParallelism(),
    cpuModel: cpus()[0]?.model ?? "",
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}
