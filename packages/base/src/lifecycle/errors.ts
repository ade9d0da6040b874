import { defineErrors } from "../errors/index.ts";

export const lifecycleErrors = defineErrors("lifecycle", {
  ALREADY_STARTED: { text: "{service} was started before", help: "a service starts once; make a new one" },
  STOP_DEADLINE: { text: "{service} did not stop within {deadlineMs} ms", help: "what it held open was left open" },
});
