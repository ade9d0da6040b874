import { defineErrors } from "../errors/index.ts";

export const optionErrors = defineErrors("options", {
  /** `problems` has one indented line for each thing that was wrong; a program ends with exit code 2 on it. */
  USAGE: { text: "{count} of the options cannot be used:\n{problems}" },
  TABLE_INVALID: { text: "option table: {option}: {problem}", fatal: true },
});
