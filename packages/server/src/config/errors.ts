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
  FILE_SYNTAX: { text: "{file}:{line}:{column}: {reason}\n{frame}" },
});
