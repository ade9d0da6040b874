/**
 * What runs the broker: the container named by `--container`, else, on this machine, a container that has the broker's port,
 * else the process that listens on it. Undefined: it cannot be seen from here.
 */

import type { Clock } from "@polylog/base/clock";
import { loadgenErrors } from "../errors.ts";
import { type Container, dockerEngine, findContainer, readContainerUsage } from "./docker-engine.ts";
import { findListeningProcess, isLocalAddress } from "./listening-process.ts";
import { readProcessUsage, type UsageReading } from "./process-sampler.ts";
import { readTreeUsage } from "./process-tree.ts";
import type { ReadUsage } from "./target-watch.ts";

export interface Target {
  /** `process 1234`, `container NAME`. */
  readonly what: string;
  readonly container: Container | undefined;
  readonly readUsage: ReadUsage;
  stop(): void;
}

export interface TargetQuestion {
  /** Where the broker answers. */
  readonly address: string;
  readonly port: number;
  readonly container: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** How often a container is asked, in milliseconds. */
  readonly intervalMs: number;
  /** What it started counts, too: a database often is several processes. */
  readonly withChildren?: boolean;
}

/** Rejects with ENGINE_FAILED or CONTAINER_NOT_FOUND only when a container was asked for. */
export async function findTarget(question: TargetQuestion): Promise<Target | undefined> {
  const { address, port, container: name } = question;
  const isLocal = isLocalAddress(address);
  if (name !== undefined || isLocal) {
    const found = await findContainerTarget(question);
    if (found !== undefined) return found;
  }
  const pid = isLocal ? findListeningProcess(port) : undefined;
  if (pid === undefined) return undefined;
  return {
    what: `process ${pid}`,
    container: undefined,
    readUsage: processReader(port, pid, question.withChildren ? readTreeUsage : readProcessUsage),
    stop: () => undefined,
  };
}

/** A broker that is started again is another process; one that has died and is not yet buried has no memory. */
function processReader(port: number, first: number, read: (pid: number) => UsageReading | undefined): ReadUsage {
  let pid = first;
  return () => {
    const reading = read(pid);
    if (reading !== undefined && reading.memoryBytes > 0) return reading;
    pid = findListeningProcess(port) ?? pid;
    return read(pid);
  };
}

async function findContainerTarget(question: TargetQuestion): Promise<Target | undefined> {
  const { port, container: name, env, clock, intervalMs } = question;
  try {
    const ask = dockerEngine(env);
    const container = await findContainer(ask, port, name);
    if (container === undefined) {
      if (name !== undefined) throw loadgenErrors.CONTAINER_NOT_FOUND({ name });
      return undefined;
    }
    // The engine answers when it likes; what it said last is what is known.
    let last: UsageReading | undefined = await readContainerUsage(ask, container.id);
    let isStopped = false;
    const poll = async () => {
      last = await readContainerUsage(ask, container.id).catch(() => undefined);
      if (!isStopped) clock.setTimer(() => void poll(), intervalMs);
    };
    clock.setTimer(() => void poll(), intervalMs);
    const stop = () => {
      isStopped = true;
    };
    return { what: `container ${container.name}`, container, readUsage: () => last, stop };
  } catch (error) {
    if (name !== undefined) throw error;
    return undefined; // No engine here: that is how most machines are.
  }
}
