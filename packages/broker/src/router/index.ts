export { RetainedIndex } from "./retained-index.ts";
export { type Route, Router } from "./router.ts";
export { filterMatchesTopic } from "./topic-rules.ts";
