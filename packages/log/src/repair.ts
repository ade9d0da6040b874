/**
 * Makes a partition whole again, by hand, while nobody uses it: what can be read stays as it is where it is, what cannot is
 * given up and said. `repair-plan.ts` decides what is to be done; afterwards `verifyPartition` finds no fault, and
 * the partition opens and takes records.
 *
 * The file of a segment that is rewritten is first copied (`damagedFileName`). What takes its place is a `.log`, also where it
 * was compressed.
 *
 * Why a crash is safe: the copy is whole and synced before it has its name, and the segment's file is replaced in one step
 * (`segment-rewrite.ts`). Each repair stands for itself, so repairing again goes on where it ended.
 */

import type { PolylogError } from "@polylog/base/errors";
import { scanBlockSize, sparseOffsetsMax } from "./limits.ts";
import {
  type InspectedSegment,
  inspectSegment,
  type OffsetRange,
  type PlannedRepair,
  planRepair,
} from "./repair-plan.ts";
import { encodeSegmentHeader, Segment, segmentHeaderLink, segmentHeaderSize } from "./segment.ts";
import {
  damagedFileName,
  indexFileName,
  listSegmentFiles,
  segmentFileName,
  temporaryFileName,
} from "./segment-files.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import { SegmentRewrite } from "./segment-rewrite.ts";
import { SegmentSet } from "./segment-set.ts";
import { emptyBatch } from "./sparse-batch.ts";
import { syncFile, writeAll } from "./storage/full-write.ts";
import { removeIfThere, type Storage, type StorageFile } from "./storage/storage.ts";
import { verifyPartition } from "./verify.ts";

export interface RepairOptions {
  /** False: only tell what would be done. */
  readonly apply: boolean;
  readonly nowMs: number;
}

export interface RepairAction {
  /** `rewrite`: the file is replaced. `fill`: it is made where one is missing. `index`: its index, a cache, is made. */
  readonly kind: PlannedRepair["kind"];
  readonly file: string;
  readonly reasons: readonly string[];
  /** Offsets whose records are given up. */
  readonly lost: readonly OffsetRange[];
  /** Bytes of the old file, and the name under which it is (or would be) kept; 0 when there was none. */
  readonly keptBytes: number;
  readonly keptFile: string | undefined;
}

export interface RepairReport {
  readonly actions: readonly RepairAction[];
  /** What verifying found after the repair; of a dry run, and when nothing was done, empty. */
  readonly faults: readonly PolylogError[];
}

/** True when there is more to do than to make caches. */
export function isDamaged(report: RepairReport): boolean {
  return report.actions.some(({ kind }) => kind !== "index");
}

/**
 * `directory` is that of the partition in `storage`. Rejects with REPAIR_REFUSED, and nothing is changed then, or with the
 * system's error when a file fails.
 */
export async function repairPartition(
  storage: Storage,
  directory: string,
  identity: SegmentIdentity,
  options: RepairOptions,
): Promise<RepairReport> {
  const set = new SegmentSet(storage, directory, identity);
  const plans = await planRepair(set);
  if (options.apply) await removeLeftovers(set);
  const actions: RepairAction[] = [];
  for (const plan of plans) actions.push(await doRepair(set, plan, options));
  const isChanged = options.apply && actions.length > 0;
  return { actions, faults: isChanged ? (await verifyPartition(storage, directory, identity)).faults : [] };
}

async function removeLeftovers(set: SegmentSet): Promise<void> {
  const names = (await set.storage.list(set.directory)) ?? [];
  for (const name of listSegmentFiles(names).leftovers) await set.storage.removeFile(set.path(name));
}

async function doRepair(set: SegmentSet, plan: PlannedRepair, { apply, nowMs }: RepairOptions): Promise<RepairAction> {
  const { kind, reasons, lost } = plan;
  const file = segmentFileName(plan.baseOffset, plan.form);
  const action = { kind, file, reasons, lost, keptBytes: 0, keptFile: undefined };
  if (kind === "fill") {
    if (apply) await fill(set, plan, nowMs);
    return action;
  }
  const segment = await inspectSegment(set, plan);
  if (kind === "index") {
    if (apply) await makeIndex(set, segment);
    return action;
  }
  const keptFile = await keepAside(set, file, apply);
  if (apply) await rewrite(set, plan, segment, nowMs);
  return { ...action, keptBytes: segment.storedSize, keptFile };
}

async function makeIndex(set: SegmentSet, { baseOffset, form, footer, header }: InspectedSegment): Promise<void> {
  const segment = new Segment(baseOffset, 0, baseOffset, 0);
  segment.seal(footer!);
  segment.linkFirst = header && segmentHeaderLink(header);
  const file = await set.openSegment(baseOffset, form);
  await set.rebuildIndex(segment, file).finally(() => file.close());
}

async function fill(set: SegmentSet, plan: PlannedRepair, nowMs: number): Promise<void> {
  const header = encodeSegmentHeader(set.identity, plan.baseOffset, nowMs, plan.linkFirst);
  const made = await SegmentRewrite.begin(set, plan.baseOffset, header, 0);
  await addNothing(made, set, plan.baseOffset, plan.offsetNext, 0, plan.timestampMs);
  await made.install({ epoch: 0, linkNext: plan.linkNext, nowMs });
}

async function rewrite(set: SegmentSet, plan: PlannedRepair, segment: InspectedSegment, nowMs: number): Promise<void> {
  const { baseOffset, offsetNext } = plan;
  const header = segment.header ?? encodeSegmentHeader(set.identity, baseOffset, nowMs, plan.linkFirst);
  if (offsetNext === baseOffset) return beginAgain(set, baseOffset, header);
  const made = await SegmentRewrite.begin(set, baseOffset, header, segment.fileSize);
  const file = await set.openSegment(baseOffset, segment.form);
  let offset = baseOffset;
  let epoch = segment.footer?.epoch ?? 0;
  let timestampMs = segment.batches[0]?.timestampFirst ?? plan.timestampMs;
  try {
    for (const batch of segment.batches) {
      if (batch.offsetNext > offsetNext) break;
      await addNothing(made, set, offset, batch.offset, batch.epoch, timestampMs);
      const bytes = Buffer.allocUnsafeSlow(batch.size);
      await file.read(bytes, batch.position);
      await made.add(bytes, 0, batch.size);
      offset = batch.offsetNext;
      epoch = Math.max(epoch, batch.epoch);
      timestampMs = batch.timestampLast;
    }
  } finally {
    await file.close();
  }
  await addNothing(made, set, offset, offsetNext, epoch, timestampMs);
  await made.install({ epoch, linkNext: plan.linkNext, nowMs });
}

/** The newest segment, when it holds nothing: it is to take batches, so it gets no footer. */
async function beginAgain(set: SegmentSet, baseOffset: number, header: Buffer): Promise<void> {
  const { storage, directory } = set;
  const name = segmentFileName(baseOffset);
  await writeWhole(set, temporaryFileName(name), async (file) =>
    writeAll(file, header.subarray(0, segmentHeaderSize), 0),
  );
  await removeIfThere(storage, set.path(indexFileName(baseOffset)));
  await storage.syncDirectory(directory);
  await storage.rename(set.path(temporaryFileName(name)), set.path(name));
  await storage.syncDirectory(directory);
  await removeIfThere(storage, set.path(segmentFileName(baseOffset, "lz4")));
  await storage.syncDirectory(directory);
}

/** Copies the file; resolves with the name of the copy, which may be there already. */
async function keepAside(set: SegmentSet, name: string, apply: boolean): Promise<string> {
  const file = await set.openFile(name, "read");
  try {
    let keptName = damagedFileName(name, 1);
    const names = (await set.storage.list(set.directory)) ?? [];
    for (let number = 2; names.includes(keptName); number++) {
      if (await isSameFile(set, keptName, file)) return keptName;
      keptName = damagedFileName(name, number);
    }
    if (!apply) return keptName;
    await writeWhole(set, temporaryFileName(keptName), (copy) =>
      eachBlock(file, async (block, position) => {
        await writeAll(copy, block, position);
        return true;
      }),
    );
    await set.storage.rename(set.path(temporaryFileName(keptName)), set.path(keptName));
    await set.storage.syncDirectory(set.directory);
    return keptName;
  } finally {
    await file.close();
  }
}

async function isSameFile(set: SegmentSet, name: string, file: StorageFile): Promise<boolean> {
  const other = await set.openFile(name, "read");
  try {
    if ((await other.size()) !== (await file.size())) return false;
    let isSame = true;
    await eachBlock(file, async (block, position) => {
      const bytes = Buffer.alloc(block.length);
      await other.read(bytes, position);
      isSame = bytes.equals(block);
      return isSame;
    });
    return isSame;
  } finally {
    await other.close();
  }
}

/** Calls `visit` for each block of the file until it answers false. */
async function eachBlock(
  file: StorageFile,
  visit: (block: Buffer, position: number) => Promise<boolean>,
): Promise<void> {
  const size = await file.size();
  for (let position = 0; position < size; position += scanBlockSize) {
    const block = Buffer.alloc(Math.min(scanBlockSize, size - position));
    await file.read(block, position);
    if (!(await visit(block, position))) return;
  }
}

async function writeWhole(set: SegmentSet, name: string, write: (file: StorageFile) => Promise<void>): Promise<void> {
  const file = await set.openFile(name, "replace");
  try {
    await write(file);
    await syncFile(file);
  } finally {
    await file.close();
  }
}

/** Adds batches that cover `[offsetFirst, offsetNext)` and hold no record. */
async function addNothing(
  made: SegmentRewrite,
  set: SegmentSet,
  offsetFirst: number,
  offsetNext: number,
  epoch: number,
  timestampMs: number,
): Promise<void> {
  const times = { timestampFirst: timestampMs, timestampLast: timestampMs };
  for (let offset = offsetFirst; offset < offsetNext; ) {
    const count = Math.min(sparseOffsetsMax, offsetNext - offset);
    const batch = emptyBatch({ partition: set.identity.partition, epoch, offset, count, ...times });
    await made.add(batch, 0, batch.length);
    offset += count;
  }
}
