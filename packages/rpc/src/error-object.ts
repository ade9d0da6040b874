/** A thrown thing as JSON-RPC's error object `{code, message, data: {code, retryable, …details}}`. */

import { PolylogError } from "@polylog/base/errors";
import { applicationCodeDefault, applicationCodes, rpcErrors } from "./errors.ts";
import { problemsMax, quotedLengthMax } from "./limits.ts";

export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Something wrong with the params, and where: `records[3].value`; the path is empty for the params as a whole. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** INVALID_PARAMS with its problems, of which at most `problemsMax` are listed. */
export class InvalidParams extends PolylogError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const first = problems[0] ?? { path: "", message: "they are not valid" };
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    const summary = `${first.path === "" ? "params" : first.path}: ${quote(first.message)}${more}`;
    super("rpc.INVALID_PARAMS", rpcErrors.table.INVALID_PARAMS, { summary }, undefined);
    this.problems = problems.slice(0, problemsMax);
  }
}

/** `extra` goes into `data`. What has no code is a bug here: the client learns that much and nothing about our insides. */
export function errorObject(error: unknown, extra?: Readonly<Record<string, unknown>>): ErrorObject {
  if (error instanceof InvalidParams) return objectOf(error, { problems: error.problems });
  if (error instanceof PolylogError) return objectOf(error, { ...error.details, ...extra });
  return objectOf(rpcErrors.INTERNAL_ERROR(), {});
}

/** A client's own text, cut to what an error may repeat. */
export function quote(text: string): string {
  return text.length > quotedLengthMax ? `${text.slice(0, quotedLengthMax)}…` : text;
}

function objectOf(error: PolylogError, details: Readonly<Record<string, unknown>>): ErrorObject {
  const data = { ...details, code: error.code, retryable: error.retryable };
  return { code: wireCodeOf(error), message: error.message, data };
}

function wireCodeOf(error: PolylogError): number {
  // Only our own table's numbers are JSON-RPC's; another package's wire code belongs to its protocol.
  if (error.code.startsWith("rpc.") && typeof error.wireCode === "number") return error.wireCode;
  return applicationCodes.get(error.code) ?? applicationCodeDefault;
}
