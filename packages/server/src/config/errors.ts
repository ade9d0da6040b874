import { defineErrors } from "@polylog/base/errors";

/** `loadServeOptions` reports them inside `options.USAGE`, beside what else is wrong. */
export const configErrors = defineErrors("config", {
  FILE_UNREADABLE: { text: "config file {file} cannot be read: {reason}" },
  FILE_NOT_UTF8: { text: "config file {file} is not UTF-8", help: "save it as UTF-8" },
  FILE_SYNTAX: { text: "{file}:{line}:{column}: {reason}\n{frame}" },
});
