/** Which rows a run writes: the documented ones, the cpu model, or a file's. */

import { cpuModel } from "./cpu-model.ts";
import { recordModel } from "./record-model.ts";
import { loadSchema } from "./schema-model.ts";
import type { RowModel } from "./table-shape.ts";

export const modelNames = ["records", "cpu"] as const;

/** Crosses threads. */
export interface ModelChoice {
  readonly model: (typeof modelNames)[number];
  readonly objects: number;
  /** A file; it wins over `model`. */
  readonly schema: string | undefined;
}

/** Rejects with FILE_UNREADABLE, SCHEMA_FILE_INVALID. */
export async function loadModel({ model, objects, schema }: ModelChoice): Promise<RowModel> {
  if (schema !== undefined) return loadSchema(schema);
  return model === "cpu" ? cpuModel : recordModel(objects);
}
