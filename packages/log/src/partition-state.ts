/**
 * Whether a partition takes records, and why not.
 *
 *     opening ──open──▶ open ──close──▶ closed
 *         └────────────┴──▶ readOnly ──▶ closed      a write or sync failed, or its newest segment is damaged
 *
 * While the disk is full it stays open and refuses records.
 */

import type { PolylogError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import { logErrors } from "./errors.ts";
import type { PartitionStatus } from "./partition.ts";
import type { SegmentIdentity } from "./segment-identity.ts";

export class PartitionState {
  /** Records are taken, but for a queue that is full. */
  accepting = false;
  status: PartitionStatus = "opening";
  /** Set when it is read-only or closed. */
  refusal: PolylogError | undefined;
  /** Set while the disk is full. */
  diskFull: PolylogError | undefined;
  /** How often no descriptor was left for its next segment. */
  stallCount = 0;
  readonly #identity: SegmentIdentity;
  readonly #logger: Logger;
  /** It is new and takes records before it is open. */
  readonly #isNew: boolean;

  constructor(identity: SegmentIdentity, logger: Logger, isNew: boolean, diskFull: PolylogError | undefined) {
    this.#identity = identity;
    this.#logger = logger;
    this.#isNew = isNew;
    this.diskFull = diskFull;
    this.#update();
  }

  get error(): PolylogError | undefined {
    return this.status === "readOnly" ? this.refusal : this.diskFull;
  }

  /** Why a record is refused when it is not for a queue that is full; undefined: there is no reason. */
  get whyRefused(): PolylogError | undefined {
    return this.refusal ?? this.diskFull ?? (this.accepting ? undefined : this.closedError());
  }

  setOpen(): void {
    this.status = "open";
    this.#update();
  }

  setDiskFull(error: PolylogError | undefined): void {
    this.diskFull = error;
    this.#update();
  }

  #update(): void {
    const takes = this.status === "open" || (this.status === "opening" && this.#isNew);
    this.accepting = takes && this.diskFull === undefined;
  }

  /** Takes no more records; what was taken may still be written. */
  stopAccepting(): void {
    this.accepting = false;
  }

  /** Returns whether it was open. */
  setClosed(): boolean {
    const wasOpen = this.status === "open";
    this.status = "closed";
    this.accepting = false;
    return wasOpen;
  }

  /** The refusal from now on. One that is closed stays closed. */
  setReadOnly(reason: string, cause: unknown): PolylogError {
    const error = logErrors.PARTITION_READ_ONLY({ ...this.#identity, reason }, cause);
    this.refusal = error;
    this.accepting = false;
    if (this.status !== "closed") {
      this.status = "readOnly";
      this.#logger.error("partition is read-only", { ...this.#identity, error });
    }
    return error;
  }

  noteStall(error: unknown): void {
    this.stallCount++;
    this.#logger.warn("no descriptor is left for the next segment; records wait", { ...this.#identity, error });
  }

  closedError(): PolylogError {
    return logErrors.PARTITION_CLOSED({ ...this.#identity, status: this.status });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
