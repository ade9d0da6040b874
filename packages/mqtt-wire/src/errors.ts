/**
 * Every error this package throws. All are fatal: the connection that caused one must be closed. [MQTT-4.8.0-1]
 *
 * `wireCode` is the MQTT 5 reason code, also for MQTT 3.1.1, which has no such codes: there a CONNECT may be answered
 * with `connectReturnCodeOf(wireCode)`, and anything else is answered by closing.
 */

import { defineErrors } from "@polylog/base/errors";

export const mqttWireErrors = defineErrors("mqtt-wire", {
  MALFORMED_PACKET: { text: "{packet} is malformed: {problem}", fatal: true, wireCode: 0x81 },
  PROTOCOL_ERROR: { text: "{packet} breaks the protocol: {problem}", fatal: true, wireCode: 0x82 },
  INVALID_PACKET_TYPE: { text: "packet type {type} is reserved", fatal: true, wireCode: 0x81 },
  PACKET_TOO_LARGE: {
    text: "{packet} of {size} bytes is larger than {sizeMax}",
    help: "send smaller packets or raise the packet size limit",
    fatal: true,
    wireCode: 0x95,
  },
  UNSUPPORTED_PROTOCOL_VERSION: {
    text: "CONNECT asks for {protocolName} level {protocolLevel}, which is not supported",
    help: "use MQTT 3.1.1 (level 4) or MQTT 3.1 (level 3)",
    fatal: true,
    wireCode: 0x84,
  },
  CLIENT_IDENTIFIER_NOT_VALID: {
    text: "CONNECT has an invalid client identifier: {problem}",
    fatal: true,
    wireCode: 0x85,
  },
  TOPIC_FILTER_INVALID: { text: "{packet} has an invalid topic filter: {problem}", fatal: true, wireCode: 0x8f },
  TOPIC_NAME_INVALID: { text: "{packet} has an invalid topic name: {problem}", fatal: true, wireCode: 0x90 },
  TOPIC_ALIAS_INVALID: {
    text: "PUBLISH has the invalid topic alias {topicAlias}",
    help: "an alias is 1 to the receiver's Topic Alias Maximum, and is used without a topic only after one with it",
    fatal: true,
    wireCode: 0x94,
  },
  NOT_ENCODABLE: {
    text: "{packet} cannot be encoded: {problem}",
    help: "this is an error of the sending program; nothing was written",
    fatal: true,
    wireCode: 0x83,
  },
});
