/** `--sweep batch=100,1000 --sweep concurrency=1,4`: every combination of what was listed. */

export const sweepAxes = { batch: "batchSize", concurrency: "concurrency", shards: "shards" } as const;
type Axis = keyof typeof sweepAxes;

export type SweepPoint = Partial<Record<(typeof sweepAxes)[Axis], number>>;

/** Runs of one sweep at most. */
const pointsMax = 200;

export type ParsedSweep =
  | { readonly points: readonly SweepPoint[]; readonly problem?: undefined }
  | { readonly points?: undefined; readonly problem: string };

export function parseSweep(texts: readonly string[]): ParsedSweep {
  let points: SweepPoint[] = [{}];
  const seen = new Set<string>();
  for (const text of texts) {
    const [axis = "", list = ""] = text.split("=");
    if (!Object.hasOwn(sweepAxes, axis))
      return { problem: `it begins with one of ${Object.keys(sweepAxes).join(", ")} and =` };
    if (seen.has(axis)) return { problem: `${axis} is listed twice; write ${axis}=A,B` };
    seen.add(axis);
    const values = list.split(",");
    if (values.some((value) => !/^[1-9]\d{0,6}$/.test(value)))
      return { problem: `${text}: a list of whole numbers above 0` };
    const name = sweepAxes[axis as Axis];
    points = points.flatMap((point) => values.map((value) => ({ ...point, [name]: Number(value) })));
  }
  return points.length > pointsMax ? { problem: `${points.length} runs; at most ${pointsMax}` } : { points };
}
