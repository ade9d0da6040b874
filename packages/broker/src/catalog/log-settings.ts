/**
 * What is saved of a log beside its records: whether it is paused, and what waits in it for a first channel or a replay.
 *
 *     log-settings/<log>   JSON {"paused": boolean, "backlogOffsets": number[], "replayedOffsets": number[]}
 */

import type { StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import type { BrokerLog } from "./broker-log.ts";

type LogSettings = Pick<BrokerLog, "paused" | "backlogOffsets" | "replayedOffsets">;

const prefix = "log-settings/";

/** Nothing is saved of an ephemeral log. */
export async function saveSettings(state: StateStore, log: BrokerLog): Promise<void> {
  if (log.log.ephemeral) return;
  const { paused, backlogOffsets, replayedOffsets } = log;
  const value = Buffer.from(JSON.stringify({ paused, backlogOffsets, replayedOffsets }));
  await state.write([{ type: "put", key: prefix + log.name, value }]);
}

export async function forgetSettings(state: StateStore, logName: string): Promise<void> {
  await state.write([{ type: "delete", key: prefix + logName }]);
}

/** Gives each log what was saved of it. Rejects with STATE_DAMAGED. */
export async function loadSettings(state: StateStore, logs: ReadonlyMap<string, BrokerLog>): Promise<void> {
  for await (const [key, row] of state.entries(prefix)) {
    const log = logs.get(key.slice(prefix.length));
    if (log === undefined) continue;
    try {
      const settings = JSON.parse(row.toString("utf8")) as Partial<LogSettings>;
      log.paused = settings.paused === true;
      log.backlogOffsets = withinLog(log, settings.backlogOffsets ?? []);
      log.replayedOffsets = withinLog(log, settings.replayedOffsets ?? []);
    } catch (error) {
      throw brokerErrors.STATE_DAMAGED({ key }, error);
    }
  }
}

/** Beyond the end, what is appended next would never reach the first channel, or be replayed. */
function withinLog(log: BrokerLog, offsets: readonly number[]): number[] {
  return offsets.map((offset, index) => {
    const partition = log.partitions[index];
    return partition?.status === "open" ? Math.min(offset, partition.highWatermark) : offset;
  });
}
