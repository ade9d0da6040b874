import { defineErrors } from "@polylog/base/errors";

/** Why a bridge is not connected. `peer` is the remote broker's address, or `this server`. */
export const bridgeErrors = defineErrors("bridge", {
  UNREACHABLE: { text: "{remote} cannot be reached: {reason}", retryable: true },
  FILE_UNREADABLE: { text: "{file} cannot be read: {reason}", retryable: true },
  TLS_FILES_INVALID: { text: "the certificates for {remote} cannot be used: {reason}", retryable: true },
  CONNECT_REFUSED: { text: "{peer} refused the connection: {reason}", retryable: true },
  VERSION_REFUSED: {
    text: "{peer} does not speak MQTT {version}",
    help: "leave version=auto to try MQTT 5 and 3.1.1",
    retryable: true,
  },
  CLOSED_UNANSWERED: { text: "{peer} closed the connection without an answer to CONNECT", retryable: true },
  CLOSED: { text: "{peer} closed the connection: {reason}", retryable: true },
  NO_ANSWER: { text: "{peer} did not answer {packet} within {timeoutMs} ms", retryable: true },
  SILENT: { text: "nothing came from {peer} for {seconds} s", retryable: true },
  UNEXPECTED_PACKET: { text: "{peer} sent {packet}, which is not expected of it", retryable: true },
  MESSAGE_REFUSED: {
    text: "{peer} does not take a message now: {reason}",
    help: "it stays where it is and is sent again",
    retryable: true,
  },
  STOPPED: { text: "the bridge was stopped" },
});
