/** `polylog repair`: makes the damaged logs of a data directory that nobody uses whole again, or says what that would do. */

import { join, resolve } from "node:path";
import { systemClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { acquireDataDirLock, FileStorage } from "@polylog/log/embedded";
import {
  isDamaged,
  listStoredPartitions,
  type RepairAction,
  type RepairReport,
  repairPartition,
  type StoredPartition,
} from "@polylog/log/offline";
import { configErrors } from "../config/errors.ts";
import { loadRepairOptions, type RepairCommandOptions, renderRepairHelp } from "../config/repair-options.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Environment } from "./command.ts";

/**
 * Resolves with the exit code. Rejects with `options.USAGE`, `config.NOT_A_DATA_DIRECTORY`, `config.NO_SUCH_LOG`,
 * `log.DATA_DIR_LOCKED`, or the system's error when a file fails; repairing again goes on then.
 */
export async function repair(argv: readonly string[], { env, stdout }: Environment): Promise<number> {
  const options = loadRepairOptions(argv, env);
  if (options === undefined) {
    stdout.write(renderRepairHelp());
    return exitCodes.fine;
  }
  const directory = resolve(options.dataDir);
  const storage = new FileStorage(join(directory, "logs"));
  if ((await storage.list("")) === undefined) throw configErrors.NOT_A_DATA_DIRECTORY({ directory });
  const lock = await acquireDataDirLock(directory);
  try {
    const all = await listStoredPartitions(storage);
    const partitions = all.filter(({ log }) => options.log === undefined || log === options.log);
    if (partitions.length === 0 && options.log !== undefined) throw configErrors.NO_SUCH_LOG({ log: options.log });
    let damagedCount = 0;
    for (const partition of partitions)
      if (!(await repairOne(storage, partition, options, (text) => stdout.write(text)))) damagedCount++;
    stdout.write(renderSummary(partitions.length, damagedCount, options.apply));
    return damagedCount === 0 ? exitCodes.fine : exitCodes.dataDirectory;
  } finally {
    await lock.release();
  }
}

/** Resolves with true when the partition is whole now. */
async function repairOne(
  storage: FileStorage,
  { log, partition, directory }: StoredPartition,
  { apply }: RepairCommandOptions,
  print: (text: string) => void,
): Promise<boolean> {
  const name = `${log}/${partition}`;
  let report: RepairReport;
  try {
    report = await repairPartition(storage, directory, { log, partition }, { apply, nowMs: systemClock.nowMs() });
  } catch (error) {
    if (!isCodedError(error)) throw error;
    print(`${error.message}\n`);
    return false;
  }
  for (const action of report.actions) print(renderAction(name, action, apply));
  for (const fault of report.faults) print(`${name}: still damaged: ${fault.message}\n`);
  return apply ? report.faults.length === 0 : !isDamaged(report);
}

const verbs: Readonly<Record<RepairAction["kind"], readonly [would: string, done: string]>> = {
  rewrite: ["would be rewritten", "rewritten"],
  fill: ["would be made, without a record", "made, without a record"],
  index: ["would get a new index", "got a new index"],
};

function renderAction(name: string, action: RepairAction, apply: boolean): string {
  const lines = [`${name} ${action.file}: ${verbs[action.kind][apply ? 1 : 0]}: ${action.reasons.join("; ")}`];
  for (const { offsetFirst, offsetNext } of action.lost)
    lines.push(`  lost: offsets ${offsetFirst} to before ${offsetNext}, ${offsetNext - offsetFirst} records at most`);
  if (action.keptFile !== undefined)
    lines.push(`  ${apply ? "kept" : "to keep"}: ${action.keptBytes} bytes in ${action.keptFile}`);
  return `${lines.join("\n")}\n`;
}

function renderSummary(partitionCount: number, damagedCount: number, apply: boolean): string {
  if (damagedCount === 0) return `${partitionCount} partitions: nothing is damaged.\n`;
  if (apply) return `${partitionCount} partitions: ${damagedCount} could not be repaired.\n`;
  return `${partitionCount} partitions: ${damagedCount} damaged. Nothing was changed; --apply repairs them.\n`;
}
