/** What the NSQ server finds beyond the protocol's own table, `nsqWireErrors`: sent the same way, under nsqd's codes. */

import { defineErrors, type ErrorTable } from "@polylog/base/errors";

const table = {
  /** The log or the channel cannot be made; `{reason}` must be ASCII. */
  SUB_FAILED: { text: "SUB failed {reason}", wireCode: "E_SUB_FAILED", fatal: true },

  // Of nsqlookupds that were asked; never sent.
  LOOKUPD_ADDRESS_INVALID: { text: "{address} is no address of an nsqlookupd", help: "write host:port" },
  LOOKUPD_TIMEOUT: { text: "nsqlookupd {address} did not answer within {timeoutMs} ms", retryable: true },
  LOOKUPD_ANSWER: { text: "nsqlookupd {address} gave no list of channels", retryable: true },
} as const satisfies ErrorTable;

export const nsqErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors("nsq", table);
