/**
 * Why the server ends a connection. `wireCode` is the MQTT 5 reason code; MQTT 3.1.1 has no word for most of them, so a
 * CONNECT is answered with the return code that fits, if one does, and everything else by closing.
 */

import { defineErrors } from "@polylog/base/errors";

const table = {
  FIRST_PACKET_NOT_CONNECT: { text: "the first packet is {packet}, not CONNECT", fatal: true, wireCode: 0x82 },
  SECOND_CONNECT: { text: "the client sent a second CONNECT", fatal: true, wireCode: 0x82 },
  PACKET_NOT_FOR_SERVER: { text: "{packet} is sent by servers only", fatal: true, wireCode: 0x82 },
  QOS_2_NOT_SUPPORTED: {
    text: "{packet} of QoS 2 is not supported yet",
    help: "publish with QoS 0 or 1",
    fatal: true,
    wireCode: 0x9b,
  },
  CLIENT_IDENTIFIER_TOO_LONG: {
    text: "the client identifier has {size} bytes; the limit is {sizeMax}",
    fatal: true,
    wireCode: 0x85,
  },
  NOT_AUTHORIZED: { text: "the client may not connect", fatal: true, wireCode: 0x87 },
  SESSION_LIMIT: {
    text: "the server keeps at most {limit} sessions",
    help: "end sessions that are not needed by connecting to them with CleanSession 1",
    retryable: true,
    fatal: true,
    wireCode: 0x89,
  },
  CONNECT_TIMEOUT: { text: "no CONNECT within {timeoutMs} ms", fatal: true, wireCode: 0x82 },
  KEEP_ALIVE_TIMEOUT: {
    text: "nothing received for one and a half times the keep alive of {keepAliveSeconds} s",
    fatal: true,
    wireCode: 0x8d,
  },
  SESSION_TAKEN_OVER: { text: "{remote} connected with the same client identifier", fatal: true, wireCode: 0x8e },
  MESSAGE_NOT_STORED: {
    text: "a message of QoS 1 was not acknowledged because it was not stored: {reason}",
    help: "the client sends it again when it reconnects",
    fatal: true,
    wireCode: 0x80,
  },
  INTERNAL: { text: "an error of the server's own: {reason}", fatal: true, wireCode: 0x80 },
} as const;

export const mqttErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors("mqtt", table);
