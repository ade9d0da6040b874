/** What the process's exit code says about why it ended. */

import { isCodedError } from "@polylog/base/errors";

export const exitCodes = { fine: 0, failed: 1, usage: 2, unreachable: 3, threshold: 99 } as const;

const others: Readonly<Record<string, number>> = {
  "loadgen.BROKER_UNREACHABLE": exitCodes.unreachable,
  "loadgen.CANNOT_LISTEN": exitCodes.unreachable,
  "loadgen.BROKER_REFUSED": exitCodes.unreachable,
  "loadgen.SCENARIO_FAILED": exitCodes.failed,
  "loadgen.ENGINE_FAILED": exitCodes.failed,
  "loadgen.DATABASE_UNREACHABLE": exitCodes.unreachable,
  "loadgen.DATABASE_REFUSED": exitCodes.failed,
  "loadgen.EMBEDDED_FAILED": exitCodes.failed,
  "loadgen.STORE_FAILED": exitCodes.failed,
  "loadgen.QUERY_FAILED": exitCodes.failed,
};

export function exitCodeOf(error: unknown): number {
  return isCodedError(error) ? (others[error.code] ?? exitCodes.usage) : exitCodes.failed;
}
