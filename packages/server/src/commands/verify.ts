/** `polylog verify`: reads a whole data directory, running or not, and says what is there and what is wrong. */

import { access, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { deferredLogName, type VerifiedChannel, verifyChannels, verifyDeferred } from "@polylog/broker/offline";
import type { StateStore } from "@polylog/log";
import { FileStorage, LevelStateStore } from "@polylog/log/embedded";
import {
  findDataDirHolder,
  type LogRows,
  type PartitionReport,
  readLogRows,
  verifyLogs,
  verifyPartition,
} from "@polylog/log/offline";
import { configErrors } from "../config/errors.ts";
import { loadVerifyOptions, renderVerifyHelp, type VerifyCommandOptions } from "../config/verify-options.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Environment } from "./command.ts";
import {
  renderChannel,
  renderFault,
  renderPartition,
  renderSize,
  renderSummary,
  type StateResult,
  type VerifyResult,
} from "./verify-text.ts";

/** Pause between two lines about how far it is. */
const progressIntervalMs = 2000;

/** Resolves with the exit code. Rejects with `options.USAGE`, `config.NOT_A_DATA_DIRECTORY`, `config.NO_SUCH_LOG`. */
export async function verify(argv: readonly string[], { env, stdout, stderr }: Environment): Promise<number> {
  const options = loadVerifyOptions(argv, env);
  if (options === undefined) {
    stdout.write(renderVerifyHelp());
    return exitCodes.fine;
  }
  const print = options.json ? () => undefined : (text: string) => void stdout.write(text);
  const result = await new DataDirectory(options, print, (text) => void stderr.write(text), systemClock).verify();
  if (options.json) stdout.write(`${JSON.stringify(result, faultsAsValues, 2)}\n`);
  else stdout.write(renderSummary(result));
  return result.faultCount === 0 ? exitCodes.fine : exitCodes.dataDirectory;
}

class DataDirectory {
  readonly #path: string;
  readonly #log: string | undefined;
  readonly #print: (text: string) => void;
  readonly #tell: (text: string) => void;
  readonly #clock: Clock;
  #toldAtMs: number;

  constructor(
    options: VerifyCommandOptions,
    print: (text: string) => void,
    tell: (text: string) => void,
    clock: Clock,
  ) {
    this.#path = resolve(options.dataDir);
    this.#log = options.log;
    this.#print = print;
    this.#tell = tell;
    this.#clock = clock;
    this.#toldAtMs = clock.monotonicMs();
  }

  async verify(): Promise<VerifyResult> {
    const startMs = this.#clock.monotonicMs();
    const [hasLogs, hasState] = [await this.#has("logs"), await this.#has("state")];
    if (!hasLogs && !hasState) throw configErrors.NOT_A_DATA_DIRECTORY({ directory: this.#path });
    const usedBy = await findDataDirHolder(this.#path);
    if (usedBy !== undefined) this.#print(`In use by process ${usedBy}: its logs are verified as they are now.\n`);
    const skipped = usedBy !== undefined ? "a server uses it" : hasState ? undefined : "there is none";
    const inUse = usedBy !== undefined;
    const { state, ...found } =
      skipped === undefined
        ? await this.#verifyWithState()
        : { ...(await this.#verifyPartitions(undefined, inUse)), state: { ...noState, skipped } };
    const { partitions, sessions, delayed } = found;
    if (this.#log !== undefined && partitions.length === 0) throw configErrors.NO_SUCH_LOG({ log: this.#log });
    const looked = [...partitions, sessions, delayed, ...state.channels, state.delayed, state];
    const faultCount = looked.reduce((sum, each) => sum + (each?.faults.length ?? 0), 0);
    const durationMs = Math.round(this.#clock.monotonicMs() - startMs);
    return { dataDirectory: this.#path, usedBy, ...found, state, faultCount, durationMs };
  }

  #has(name: string): Promise<boolean> {
    return access(join(this.#path, name)).then(
      () => true,
      () => false,
    );
  }

  /** Looks at a copy of the state store: LevelDB changes what it opens. */
  async #verifyWithState(): Promise<Found & { state: StateResult }> {
    const copy = await mkdtemp(join(tmpdir(), "polylog-verify-"));
    const store = new LevelStateStore(copy);
    try {
      await cp(join(this.#path, "state"), copy, { recursive: true });
      await store.open();
      return await this.#verifyBoth(store);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      this.#printFaults([error]);
      return { ...(await this.#verifyPartitions(undefined, false)), state: { ...noState, faults: [error] } };
    } finally {
      await store.close();
      await rm(copy, { recursive: true, force: true });
    }
  }

  async #verifyBoth(store: StateStore): Promise<Found & { state: StateResult }> {
    let rowCount = 0;
    for await (const _row of store.entries("")) rowCount++; // Each has a checksum.
    const { rows, faults } = await readLogRows(store);
    const found = await this.#verifyPartitions(rows, false);
    this.#printFaults(faults);
    const channels: VerifiedChannel[] = [];
    const keptOf = (report: PartitionReport | undefined) =>
      report && { low: report.offsetFirst, high: report.offsetNext };
    const kept = (log: string, partition: number) =>
      keptOf(found.partitions.find((each) => each.log === log && each.partition === partition));
    for await (const channel of verifyChannels(store, kept, this.#log)) {
      channels.push(channel);
      this.#printChannel(channel);
    }
    const delayed = this.#log === undefined ? await verifyDeferred(store, keptOf(found.delayed)) : undefined;
    if (delayed !== undefined) this.#printChannel(delayed, delayedText);
    return { ...found, state: { skipped: undefined, rowCount, channels, delayed, faults } };
  }

  async #verifyPartitions(rows: LogRows["rows"] | undefined, inUse: boolean): Promise<Found> {
    const partitions = await this.#verifyLogs(rows, inUse);
    const sessions = await this.#verifyBeside("sessions", "sessions", "MQTT sessions, ", inUse);
    const delayed = await this.#verifyBeside("delayed", deferredLogName, delayedText, inUse);
    return { partitions, sessions, delayed };
  }

  async #verifyLogs(rows: LogRows["rows"] | undefined, inUse: boolean): Promise<PartitionReport[]> {
    const partitions: PartitionReport[] = [];
    const storage = new FileStorage(join(this.#path, "logs"));
    const onProgress = (log: string, partition: number, bytesRead: number): void =>
      this.#tellProgress(`${log}/${partition}`, bytesRead);
    for await (const report of verifyLogs({ storage, rows, log: this.#log, inUse, onProgress })) {
      partitions.push(report);
      this.#print(renderPartition(report));
      this.#printFaults(report.faults);
    }
    return partitions;
  }

  /** A log beside the other logs, with one partition: of the MQTT sessions, or of delayed messages. */
  async #verifyBeside(folder: string, log: string, of: string, inUse: boolean): Promise<PartitionReport | undefined> {
    if (this.#log !== undefined || !(await this.#has(`${folder}/0`))) return undefined;
    const identity = { log, partition: 0 };
    const onProgress = (bytesRead: number): void => this.#tellProgress(`${folder}/0`, bytesRead);
    const storage = new FileStorage(join(this.#path, folder));
    const report = { ...identity, ...(await verifyPartition(storage, "0", identity, { inUse, onProgress })) };
    this.#print(renderPartition(report, of));
    this.#printFaults(report.faults);
    return report;
  }

  #tellProgress(of: string, bytesRead: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#toldAtMs < progressIntervalMs) return;
    this.#toldAtMs = nowMs;
    this.#tell(`verifying ${of}: ${renderSize(bytesRead)} read\n`);
  }

  #printChannel(channel: VerifiedChannel, of = ""): void {
    this.#print(of + renderChannel(channel));
    this.#printFaults(channel.faults);
  }

  #printFaults(faults: readonly PolylogError[]): void {
    for (const fault of faults) this.#print(renderFault(fault));
  }
}

/** What is looked at without small state. */
type Found = Pick<VerifyResult, "partitions" | "sessions" | "delayed">;

const delayedText = "delayed MQTT messages, ";
const noState: StateResult = { skipped: undefined, rowCount: 0, channels: [], delayed: undefined, faults: [] };

/** For `JSON.stringify`: errors would be `{}`. */
function faultsAsValues(_key: string, value: unknown): unknown {
  return isCodedError(value) ? { code: value.code, message: value.message, ...value.details } : value;
}
