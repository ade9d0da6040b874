import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { configErrors } from "../config/errors.ts";
import { NsqLog } from "./nsq-log.ts";

test("keeps what a client chose in its line", () => {
  let printed = "";
  const log = new NsqLog({
    prefix: "[nsqd] ",
    level: "info",
    clock: new ManualClock(),
    write: (line) => {
      printed += line;
    },
  });
  const logger = log.logger().child("nsqlookupd");
  const address = "a\n[nsqd] 2026/11/21 09:00:00.000000 FATAL: all is lost\u001b[2J\u009b";
  const error = configErrors.NSQ_REFUSED({ reason: address });
  logger.info("an nsqd has come", { address, more: [address], error });
  assert.equal(printed.split("\n").length, 2);
  assert.doesNotMatch(printed.trimEnd(), /[^\x20-\x7e]/);
  assert.match(printed, /address=a\\x0a\[nsqd\]/);
});
