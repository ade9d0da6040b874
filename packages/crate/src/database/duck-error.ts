/** DuckDB's refusals as CrateDB's. DuckDB has no numbers, so its words decide; the first row that fits. */

import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { crateErrors } from "../errors.ts";

type Translate = (match: RegExpExecArray, reason: string) => PolylogError;

const rows: readonly (readonly [pattern: RegExp, translate: Translate])[] = [
  [/^Constraint Error: .*(duplicate key|violates (primary|unique))/i, () => crateErrors.DUPLICATE_KEY()],
  [
    /^Constraint Error: NOT NULL constraint failed: .*\.(\S+)/,
    ([, column = ""]) => crateErrors.ANALYSIS({ reason: `"${column}" must not be null` }),
  ],
  [/^Constraint Error: (.*)/, ([, reason = ""]) => crateErrors.INVALID_VALUE({ reason })],
  [/^Conversion Error: (.*)/, ([, reason = ""]) => crateErrors.INVALID_VALUE({ reason })],
  [/^Out of Range Error: (.*)/, ([, reason = ""]) => crateErrors.INVALID_VALUE({ reason })],
  [
    /^Catalog Error: .*because schema "(.*)" does not exist/,
    ([, schema = ""]) => crateErrors.SCHEMA_UNKNOWN({ reason: `Schema '${schema}' unknown` }),
  ],
  [
    /^Catalog Error: (?:Table|View) with name "?([^"\s]+)"? does not exist/,
    ([, name = ""]) => crateErrors.RELATION_UNKNOWN({ reason: `Relation '${name}' unknown` }),
  ],
  [
    /^Catalog Error: .*Function with name "?([^"\s]+)"? does not exist/,
    ([, name = ""]) => crateErrors.FUNCTION_UNKNOWN({ reason: `Unknown function: ${name}` }),
  ],
  [
    /^Catalog Error: .*"(.*)" already exists/,
    ([, name = ""]) => crateErrors.RELATION_EXISTS({ reason: `Relation '${name}' already exists.` }),
  ],
  [
    /^Binder Error: .*(?:column|Column) (?:"|with name )?"?([^"\s]+)"? (?:not found|does not exist)/,
    ([, name = ""]) => crateErrors.COLUMN_UNKNOWN({ reason: `Column ${name} unknown` }),
  ],
  [/^Binder Error: (No function matches.*)/, ([, reason = ""]) => crateErrors.FUNCTION_UNKNOWN({ reason })],
  [/^Parser Error: (.*)/, ([, reason = ""]) => crateErrors.SYNTAX({ reason })],
  [/^(?:Binder|Invalid Input) Error: (.*)/, ([, reason = ""]) => crateErrors.ANALYSIS({ reason })],
  [/^Out of Memory Error: (.*)/, ([, reason = ""]) => crateErrors.DATA_TOO_LARGE({ reason })],
  [/^INTERRUPT/i, () => crateErrors.KILLED({ reason: "Job killed. it ran too long, or its client went away" })],
  [/^(?:Permission|Not implemented) Error: (.*)/i, ([, what = ""]) => crateErrors.UNSUPPORTED({ what })],
];

export function translateError(error: unknown): PolylogError {
  if (isCodedError(error)) return error as PolylogError;
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.split("\n")[0] ?? "";
  for (const [pattern, translate] of rows) {
    const match = pattern.exec(message);
    if (match !== null) return translate(match, reason);
  }
  return crateErrors.INTERNAL({ reason }, error);
}
