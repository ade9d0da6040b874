/** What the process's exit code says about why it ended. */

import { isCodedError } from "@polylog/base/errors";

export const exitCodes = { fine: 0, failed: 1, usage: 2, unreachable: 3, dataDirectory: 4, threshold: 99 } as const;

const bySubject: Readonly<Record<string, number>> = {
  options: exitCodes.usage,
  config: exitCodes.usage,
  server: exitCodes.usage,
  transport: exitCodes.unreachable,
  log: exitCodes.dataDirectory,
  broker: exitCodes.dataDirectory,
};

export function exitCodeOf(error: unknown): number {
  if (!isCodedError(error)) return exitCodes.failed;
  if (error.code === "config.SERVER_UNREACHABLE") return exitCodes.unreachable;
  if (error.code === "config.SERVER_REFUSED") return exitCodes.failed;
  return bySubject[error.code.slice(0, error.code.indexOf("."))] ?? exitCodes.failed;
}
