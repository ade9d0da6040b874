/**
 * Why the server ends a connection. `wireCode` is the MQTT 5 reason code: of the CONNACK before the client is connected, of
 * the DISCONNECT afterwards. MQTT 3.1 and 3.1.1 have no word for most of them: there a CONNECT is answered with the return code
 * that fits, if one does, and everything else by closing.
 */

import { defineErrors } from "@polylog/base/errors";

const table = {
  FIRST_PACKET_NOT_CONNECT: { text: "the first packet is {packet}, not CONNECT", fatal: true, wireCode: 0x82 },
  SECOND_CONNECT: { text: "the client sent a second CONNECT", fatal: true, wireCode: 0x82 },
  PACKET_NOT_FOR_SERVER: { text: "{packet} is sent by servers only", fatal: true, wireCode: 0x82 },
  QOS_2_NOT_SUPPORTED: { text: "{packet} of QoS 2 is not supported yet", fatal: true, wireCode: 0x9b, retired: true },
  CLIENT_IDENTIFIER_TOO_LONG: {
    text: "the client identifier has {size} bytes; the limit is {sizeMax}",
    fatal: true,
    wireCode: 0x85,
  },
  CLIENT_IDENTIFIER_REFUSED: {
    text: "the client identifier is refused: {problem}",
    fatal: true,
    wireCode: 0x85,
  },
  BAD_USER_NAME_OR_PASSWORD: {
    text: "user name and password are not those of a user",
    fatal: true,
    wireCode: 0x86,
  },
  AUTHENTICATOR_BUSY: {
    text: "too many clients are being checked",
    help: "connect again later",
    retryable: true,
    fatal: true,
    wireCode: 0x89,
  },
  BAD_AUTHENTICATION_METHOD: {
    text: "the authentication method {method} is not one of this server's, or not the one that was begun with",
    fatal: true,
    wireCode: 0x8c,
  },
  AUTHENTICATION_FAILED: { text: "the authentication failed: {reason}", fatal: true, wireCode: 0x87 },
  NOT_AUTHENTICATED: { text: "{packet} came before the authentication was complete", fatal: true, wireCode: 0x82 },
  AUTH_NOT_EXPECTED: { text: "AUTH is not expected: {problem}", fatal: true, wireCode: 0x82 },
  WILL_REFUSED: { text: "the client may not publish its will to {topic}", fatal: true, wireCode: 0x87 },
  WILL_TOPIC_INVALID: { text: "a will cannot be published to {topic}", fatal: true, wireCode: 0x90 },
  TOPIC_ALIAS_TOO_HIGH: {
    text: "the topic alias {alias} is above the maximum of {max}",
    fatal: true,
    wireCode: 0x94,
  },
  TOPIC_ALIAS_UNKNOWN: { text: "the topic alias {alias} was not set", fatal: true, wireCode: 0x94 },
  RECEIVE_MAXIMUM_EXCEEDED: {
    text: "the client sent more than {max} messages of QoS 1 and 2 without waiting for answers",
    fatal: true,
    wireCode: 0x93,
  },
  SESSION_EXPIRY_RAISED: {
    text: "DISCONNECT gives a session an expiry interval that CONNECT had not",
    fatal: true,
    wireCode: 0x82,
  },
  SLOW_CLIENT: {
    text: "the client left {pendingBytes} bytes unread for {slowClientMs} ms",
    help: "read faster, or subscribe to less",
    fatal: true,
    wireCode: 0x97,
  },
  KICKED: { text: "an administrator ended the connection", fatal: true, wireCode: 0x98 },
  SERVER_STOPS: { text: "the server stops", retryable: true, fatal: true, wireCode: 0x8b },
  NOT_AUTHORIZED: { text: "the client may not connect", fatal: true, wireCode: 0x87 },
  SESSION_LIMIT: {
    text: "the server keeps at most {limit} sessions",
    help: "end sessions that are not needed by connecting to them with CleanSession 1",
    retryable: true,
    fatal: true,
    wireCode: 0x97,
  },
  MESSAGE_RATE_TOO_HIGH: {
    text: "the client publishes faster than {messagesPerSecond} messages and {bytesPerSecond} bytes per second",
    help: "publish more slowly, or raise the limit",
    fatal: true,
    wireCode: 0x96,
  },
  CONNECT_TIMEOUT: { text: "no CONNECT within {timeoutMs} ms", fatal: true, wireCode: 0x82 },
  KEEP_ALIVE_TIMEOUT: {
    text: "nothing received for one and a half times the keep alive of {keepAliveSeconds} s",
    fatal: true,
    wireCode: 0x8d,
  },
  SESSION_TAKEN_OVER: { text: "{remote} connected with the same client identifier", fatal: true, wireCode: 0x8e },
  MESSAGE_NOT_STORED: {
    text: "a message of QoS 1 or 2 was not acknowledged because it was not stored: {reason}",
    help: "the client sends it again when it reconnects",
    fatal: true,
    wireCode: 0x83,
  },
  DELAYED_DAMAGED: { text: "the delayed message at offset {offset} does not say how to publish it" },
  INTERNAL: { text: "an error of the server's own: {reason}", fatal: true, wireCode: 0x80 },
} as const;

export const mqttErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors("mqtt", table);
