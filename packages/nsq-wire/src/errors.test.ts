import assert from "node:assert/strict";
import { test } from "node:test";
import { defineErrors, type ErrorRow } from "@polylog/base/errors";
import { errorFrameBody, failureReasons, nsqWireErrors } from "./errors.ts";

const rows: readonly (readonly [string, ErrorRow])[] = Object.entries(nsqWireErrors.table);

test("gives every error its own text", () => {
  const texts = rows.map(([, row]) => `${row.wireCode} ${row.text}`);
  assert.equal(new Set(texts).size, texts.length);
});

test("adds no help, which would be sent", () => {
  for (const [code, row] of rows) assert.equal(row.help, undefined, code);
});

test("closes for all but the three that nsqd forgives", () => {
  const open = rows.filter(([, row]) => row.fatal !== true).map(([, row]) => row.wireCode);
  assert.deepEqual(open, ["E_FIN_FAILED", "E_REQ_FAILED", "E_TOUCH_FAILED"]);
});

test("uses the codes of nsqd only", () => {
  const codes = new Set(rows.map(([, row]) => row.wireCode).filter((code) => code !== undefined));
  assert.deepEqual(
    [...codes].sort(),
    (
      "E_AUTH_DISABLED E_AUTH_ERROR E_AUTH_FAILED E_AUTH_FIRST E_BAD_BODY E_BAD_CHANNEL E_BAD_MESSAGE E_BAD_PROTOCOL " +
      "E_BAD_TOPIC E_DPUB_FAILED E_FIN_FAILED E_IDENTIFY_FAILED E_INVALID E_MPUB_FAILED E_PUB_FAILED E_REQ_FAILED " +
      "E_SUB_FAILED E_TOUCH_FAILED E_UNAUTHORIZED"
    ).split(" "),
  );
});

/** Texts that no stream of commands alone can provoke; the others are in testing/vectors.ts. */
const serverTexts: readonly (readonly [ReturnType<typeof nsqWireErrors.AUTH_FAILED>, string | undefined])[] = [
  [nsqWireErrors.BAD_PROTOCOL(), "E_BAD_PROTOCOL"],
  [nsqWireErrors.LINE_TOO_LONG({ max: 1 }), undefined],
  [nsqWireErrors.FRAME_TYPE_UNKNOWN({ type: 3 }), undefined],
  [nsqWireErrors.INVALID_STATE({ command: "SUB" }), "E_INVALID cannot SUB in current state"],
  [nsqWireErrors.TLS_REQUIRED({ command: "NOP" }), "E_INVALID cannot NOP in current state (TLS required)"],
  [nsqWireErrors.HEARTBEATS_DISABLED(), "E_INVALID cannot SUB with heartbeats disabled"],
  [nsqWireErrors.IDENTIFY_FAILED({ reason: "EOF" }), "E_IDENTIFY_FAILED IDENTIFY failed EOF"],
  [nsqWireErrors.AUTH_ALREADY_SET(), "E_INVALID AUTH already set"],
  [nsqWireErrors.AUTH_DISABLED(), "E_AUTH_DISABLED AUTH disabled"],
  [nsqWireErrors.AUTH_FAILED(), "E_AUTH_FAILED AUTH failed"],
  [nsqWireErrors.AUTH_ERROR({ reason: "EOF" }), "E_AUTH_ERROR AUTH error EOF"],
  [nsqWireErrors.AUTH_NOT_FOUND(), "E_UNAUTHORIZED AUTH no authorizations found"],
  [nsqWireErrors.AUTH_FIRST({ command: "SUB" }), "E_AUTH_FIRST AUTH required before SUB"],
  [
    nsqWireErrors.UNAUTHORIZED({ command: "PUB", topic: '"topic"', channel: '""' }),
    'E_UNAUTHORIZED AUTH failed for PUB on "topic" ""',
  ],
  [
    nsqWireErrors.SUB_TOO_MANY_CONSUMERS({ topic: "t", channel: "c", max: 2 }),
    "E_SUB_FAILED SUB failed consumers for t:c exceeds limit of 2",
  ],
  [nsqWireErrors.SUB_EXITING(), "E_SUB_FAILED SUB failed exiting"],
  [nsqWireErrors.SUB_DELETED(), "E_SUB_FAILED SUB failed to deleted topic/channel"],
  [nsqWireErrors.PUB_FAILED({ reason: failureReasons.exiting }), "E_PUB_FAILED PUB failed exiting"],
  [nsqWireErrors.MPUB_FAILED({ reason: "x" }), "E_MPUB_FAILED MPUB failed x"],
  [nsqWireErrors.DPUB_FAILED({ reason: "x" }), "E_DPUB_FAILED DPUB failed x"],
  [
    nsqWireErrors.FIN_FAILED({ id: "0123456789abcdef", reason: failureReasons.notInFlight }),
    "E_FIN_FAILED FIN 0123456789abcdef failed ID not in flight",
  ],
  [
    nsqWireErrors.REQ_FAILED({ id: "\xff123456789abcdef", reason: failureReasons.notOwner }),
    "E_REQ_FAILED REQ \xff123456789abcdef failed client does not own message",
  ],
  [nsqWireErrors.TOUCH_FAILED({ id: "0", reason: "exiting" }), "E_TOUCH_FAILED TOUCH 0 failed exiting"],
];

for (const [error, body] of serverTexts) {
  test(`sends ${body ?? `no frame for ${error.code}`}`, () => {
    assert.equal(errorFrameBody(error)?.toString("latin1"), body);
  });
}

test("sends no frame for other packages' errors", () => {
  const others = defineErrors("other", { NUMBERED: { text: "x", wireCode: 4 }, BARE: { text: "x" } });
  assert.equal(errorFrameBody(others.NUMBERED()), undefined);
  assert.equal(errorFrameBody(others.BARE()), undefined);
});
