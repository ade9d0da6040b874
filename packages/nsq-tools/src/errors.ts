import { defineErrors } from "@polylog/base/errors";

export const nsqToolsErrors = defineErrors("nsq-tools", {
  OPTION_INVALID: { text: "client option {option}: {problem}", fatal: true },
  NAME_INVALID: { text: "{what} {name} is not a name", help: "letters, digits, . _ -, at most 64 with #ephemeral" },
  CONNECT_FAILED: { text: "{address}: cannot connect: {reason}", retryable: true },
  IDENTIFY_FAILED: { text: "{address}: no answer to IDENTIFY that can be used: {reason}", fatal: true },
  /** The secret and the messages would go in the clear. */
  TLS_NOT_OFFERED: {
    text: "{address}: nsqd offers no TLS",
    help: "give nsqd a certificate, or leave tls_v1 out",
    fatal: true,
  },
  AUTH_SECRET_MISSING: { text: "{address}: nsqd asks for a secret", help: "set auth_secret", fatal: true },
  CONNECTION_LOST: { text: "{address}: connection lost: {reason}", retryable: true },
  /** `{answer}` is nsqd's own text, such as E_BAD_TOPIC with its description. */
  REFUSED: { text: "{address}: {answer}" },
  STOPPED: { text: "stopped" },
  HTTP_FAILED: { text: "{url}: {reason}", retryable: true },
  /** The tools' own: ends the program with exit code 1. */
  FATAL: { text: "{message}", fatal: true },
});
