/**
 * What runs the broker: the container named by `--container`, else a container that has the broker's port, else, on this
 * machine, the process that listens on it. Undefined: it cannot be seen from here.
 */

import type { Clock } from "@polylog/base/clock";
import { loadgenErrors } from "../errors.ts";
import {
  type Container,
  findContainerAt,
  findContainerNamed,
  openEngine,
  readContainerUsage,
  type Whereabouts,
} from "./docker-engine.ts";
import { controlGroupsOf, findListeningProcess, isLocalAddress } from "./listening-process.ts";
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
  /** How often samples are taken, in milliseconds; a container is asked as often at least. */
  readonly intervalMs: number;
  /** What it started counts, too: a database often is several processes. */
  readonly withChildren?: boolean;
}

/** What is known of a container is no older than this and its answer, in milliseconds. */
const pollMsMax = 250;

/** Rejects with ENGINE_FAILED or CONTAINER_NOT_FOUND only when a container was asked for. */
export async function findTarget(question: TargetQuestion): Promise<Target | undefined> {
  const { address, port } = question;
  const isLocal = isLocalAddress(address);
  const pid = isLocal ? findListeningProcess(port) : undefined;
  const controlGroups = pid === undefined ? undefined : controlGroupsOf(pid);
  const found = await findContainerTarget(question, { address, isLocal, port, controlGroups });
  if (found !== undefined || pid === undefined) return found;
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

async function findContainerTarget(question: TargetQuestion, where: Whereabouts): Promise<Target | undefined> {
  const { container: name, env, clock, intervalMs } = question;
  try {
    const engine = await openEngine(env);
    if (engine === undefined) {
      if (name !== undefined) throw loadgenErrors.ENGINE_FAILED({ reason: "there is no Docker socket here" });
      return undefined;
    }
    const container = await (name === undefined ? findContainerAt(engine, where) : findContainerNamed(engine, name));
    if (container === undefined) {
      if (name !== undefined) throw loadgenErrors.CONTAINER_NOT_FOUND({ name });
      return undefined;
    }
    // The engine answers when it likes; what it said last is what is known.
    let last: UsageReading | undefined = await readContainerUsage(engine, container.id);
    const pollMs = Math.min(intervalMs, pollMsMax);
    let isStopped = false;
    const poll = async () => {
      last = await readContainerUsage(engine, container.id).catch(() => undefined);
      if (!isStopped) clock.setTimer(() => void poll(), pollMs);
    };
    clock.setTimer(() => void poll(), pollMs);
    const stop = () => {
      isStopped = true;
    };
    return { what: `container ${container.name}`, container, readUsage: () => last, stop };
  } catch (error) {
    if (name !== undefined) throw error;
    return undefined; // No engine here: that is how most machines are.
  }
}
