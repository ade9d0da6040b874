/**
 * Which files a segment has in its partition's directory. Nothing else puts these names together or takes them apart.
 *
 *     <first offset>.log            the segment, as written
 *     <first offset>.log.lz4        a sealed segment compressed (`compressed-segment.ts`): the same bytes when read
 *     <first offset>.index          where its batches lie; a cache
 *     <first offset>-<at>.torn      what recovery cut off at byte `at`, kept to be looked at
 *     <a segment's name>.damaged    what repair replaced, kept likewise; `.damaged-2`, … when there is one already
 *     <any of these>.tmp            one that is being written; whoever finds it at start removes it
 *
 * The first offset has 20 digits. Where both forms of a segment are there, something ended between making the one and
 * removing the other: the `.log` counts, and the `.log.lz4` is removed. That is right for compressing (the `.log` goes
 * last, so it is still whole) and for rewriting (`segment-rewrite.ts` writes a `.log` and removes the compressed form after).
 */

export type SegmentForm = "plain" | "lz4";

const formSuffixes: Readonly<Record<SegmentForm, string>> = { plain: ".log", lz4: ".log.lz4" };
const pattern = /^(\d{20})(\.log|\.log\.lz4)$/;
const temporarySuffix = ".tmp";
export const tornFileSuffix = ".torn";

export function segmentFileName(baseOffset: number, form: SegmentForm = "plain"): string {
  return digits(baseOffset) + formSuffixes[form];
}

export function indexFileName(baseOffset: number): string {
  return `${digits(baseOffset)}.index`;
}

/** Where the bytes cut off at `position` are kept. */
export function tornFileName(baseOffset: number, position: number): string {
  return `${digits(baseOffset)}-${position}${tornFileSuffix}`;
}

/** Where the segment's file `name` is kept when repair replaces it; `number`: from 1 on. */
export function damagedFileName(name: string, number: number): string {
  return number === 1 ? `${name}.damaged` : `${name}.damaged-${number}`;
}

/** Under this name a file is written before it is renamed to `name`. */
export function temporaryFileName(name: string): string {
  return name + temporarySuffix;
}

function digits(offset: number): string {
  return String(offset).padStart(20, "0");
}

export interface StoredSegment {
  readonly baseOffset: number;
  readonly form: SegmentForm;
}

export interface SegmentFiles {
  /** By first offset, each once. */
  readonly segments: readonly StoredSegment[];
  /** Names of files that a crash left and that can go. */
  readonly leftovers: readonly string[];
}

/** Sorts out the names in a partition's directory; those of other files are passed over. */
export function listSegmentFiles(names: readonly string[]): SegmentFiles {
  const segments = new Map<number, StoredSegment>();
  const leftovers = names.filter((name) => /^\d{20}/.test(name) && name.endsWith(temporarySuffix));
  for (const name of names) {
    const [, offset, suffix] = pattern.exec(name) ?? [];
    const baseOffset = Number(offset);
    if (offset === undefined || !Number.isSafeInteger(baseOffset)) continue;
    const form = suffix === formSuffixes.plain ? "plain" : "lz4";
    if (form === "lz4" && names.includes(segmentFileName(baseOffset))) leftovers.push(name);
    else segments.set(baseOffset, { baseOffset, form });
  }
  return { segments: [...segments.values()].sort((one, other) => one.baseOffset - other.baseOffset), leftovers };
}

/** Those of `segments`, by first offset, that hold `offset` or lie behind it; the last one in any case. */
export function segmentsFrom(segments: readonly StoredSegment[], offset: number): readonly StoredSegment[] {
  const first = segments.findLastIndex((segment) => segment.baseOffset <= offset);
  return segments.slice(Math.max(0, first));
}

/** Those of `names` that belong to segments that begin before `offset`: all that goes when they go. */
export function segmentFilesBelow(names: readonly string[], offset: number): string[] {
  return names.filter((name) => /^\d{20}[.-]/.test(name) && Number(name.slice(0, 20)) < offset);
}
