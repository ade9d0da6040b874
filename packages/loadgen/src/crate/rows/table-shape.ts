/** What rows a run writes: the columns of its table, and who makes the rows. */

import type { RowIds } from "./row-ids.ts";

export interface Column {
  readonly name: string;
  /** As CrateDB writes it: `TEXT`, `OBJECT(DYNAMIC)`. */
  readonly type: string;
}

export interface TableShape {
  readonly columns: readonly Column[];
  /** Empty: none, and then a row that is sent twice is there twice. */
  readonly primaryKey: readonly string[];
}

/** Of one thread: the same sequence for the same seed and thread, identifiers and times apart. */
export interface RowSource {
  /** A JSON array of one value per column. `now`: RFC 3339, in quotation marks. */
  row(now: string): string;
}

export interface RowModel {
  readonly shape: TableShape;
  source(seed: number, thread: number, ids: RowIds): RowSource;
}
