import { defineErrors } from "@polylog/base/errors";

/** Of these `loadServeOptions` reports those about the file inside `options.USAGE`, beside what else is wrong. */
export const configErrors = defineErrors("config", {
  FILE_UNREADABLE: { text: "config file {file} cannot be read: {reason}" },
  FILE_NOT_UTF8: { text: "config file {file} is not UTF-8", help: "save it as UTF-8" },
  NOT_A_DATA_DIRECTORY: {
    text: '"{directory}" is no data directory: it has neither "logs" nor "state"',
    help: "name the one that polylog serve uses, with --data-dir",
  },
  NO_SUCH_LOG: { text: 'the data directory has no log "{log}"' },
  SERVER_UNREACHABLE: { text: "no server answers at {url}: {reason}", help: "name its HTTP listener with --url" },
  SERVER_REFUSED: { text: "{url}: {reason}" },
  USERS_FILE_UNREADABLE: { text: "users file {file} cannot be read: {reason}" },
  USERS_FILE_INVALID: { text: "users file {file}:{problems}" },
  /** What `nsqd` and `nsqlookupd` end with; in nsqd's words where it has some. */
  NSQ_REFUSED: { text: "{reason}" },
  TLS_FILE_UNREADABLE: { text: "{file} cannot be read: {reason}" },
  TLS_FILES_INVALID: {
    text: "{files}: {reason}",
    help: "they must be PEM, and the key must belong to the certificate",
  },
  FILE_SYNTAX: { text: "{file}:{line}:{column}: {reason}\n{frame}" },
});
